//! Results for people.

use minimascope_record::measured::Measured;
use minimascope_record::run::RunSummary;

use crate::exit::Done;
use crate::table::{grouped, plus_minus, significant};

/// A run's result, a line a fact.
pub(crate) fn text(run: &RunSummary) -> String {
    let mut text = format!(
        "{} ({} parameters) on {} examples of {}\n",
        run.model,
        grouped(run.parameters as u64),
        grouped(run.train_examples as u64),
        run.data
    );
    let decay = if run.weight_decay > 0.0 {
        format!(", weight decay {}", run.weight_decay)
    } else {
        String::new()
    };
    let mut line = |name: &str, value: String| {
        text.push_str(&format!("{name:<18}{value}\n"));
    };
    line("loss", format!("{}{decay}", name_of(&run.loss)));
    line("learning rate", run.learning_rate.to_string());
    line("batch size", batch_size(run));
    line("seed", run.seed.to_string());
    if let Some(outcome) = run.outcome {
        line("outcome", format!("{outcome} after {} steps", grouped(run.steps)));
    }
    if let Some(loss) = run.train_loss {
        line("train loss", significant(loss));
    }
    if let Some(norm) = run.gradient_norm {
        line("gradient norm", significant(norm));
    }
    if let Some(accuracy) = run.train_accuracy {
        line("train accuracy", percent(accuracy));
    }
    if let Some(accuracy) = run.test_accuracy {
        line("test accuracy", percent(accuracy));
    }
    match &run.sharpness {
        Some(sharpness) => line("sharpness", with_limit(sharpness, "2/η", run.sharpness_limit)),
        // A point with a loss was measured.
        None if run.train_loss.is_some() => {
            line("sharpness", "not finite: a product with the Hessian overflows".to_owned());
        }
        None => {}
    }
    if let Some(non_uniformity) = &run.non_uniformity {
        line("non-uniformity", with_limit(non_uniformity, "s_max", run.non_uniformity_limit));
    }
    if let Some(spectrum) = &run.spectrum {
        for (index, value) in spectrum.top.iter().enumerate() {
            line(&format!("eigenvalue {}", index + 1), measured(value));
        }
        if let Some(trace) = &spectrum.trace {
            let value = plus_minus(trace.value, Some(trace.standard_error));
            line("trace", format!("{value} ({} products)", trace.products));
        }
        if let Some(density) = &spectrum.density {
            let (first, last) = (density.eigenvalues.first(), density.eigenvalues.last());
            let ends = first.zip(last).map(|(first, last)| {
                format!(" from {} to {}", significant(*first), significant(*last))
            });
            line(
                "density",
                format!(
                    "{} points{}, {} probes; --json prints them",
                    density.eigenvalues.len(),
                    ends.unwrap_or_default(),
                    density.probes
                ),
            );
        }
    }
    if let Some(folder) = &run.folder {
        line("folder", folder.clone());
    }
    text
}

fn batch_size(run: &RunSummary) -> String {
    if run.batch_size == run.train_examples {
        format!("{} (all: gradient descent)", run.batch_size)
    } else {
        format!("{}, {}", run.batch_size, name_of(&run.sampling))
    }
}

fn with_limit(value: &Measured, name: &str, limit: Option<f64>) -> String {
    let limit = limit.map(|limit| format!("; {name} = {}", significant(limit)));
    format!("{}{}", measured(value), limit.unwrap_or_default())
}

/// A value with its residual.
pub(crate) fn measured(value: &Measured) -> String {
    let missed = if value.converged { "" } else { ", not converged" };
    format!(
        "{} (relative residual {:.0e}, {} products{missed})",
        significant(value.value),
        value.relative_residual,
        value.products
    )
}

/// The name that a configuration file uses.
pub(crate) fn name_of(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        other => format!("{other:?}"),
    }
}

pub(crate) fn percent(fraction: f64) -> String {
    format!("{:.2} %", 100.0 * fraction)
}

/// Whether everything that was measured reached its tolerance.
pub(crate) fn ended(summary: &RunSummary) -> Done {
    let top = summary.spectrum.iter().flat_map(|spectrum| &spectrum.top);
    let mut values = top.chain(&summary.sharpness).chain(&summary.non_uniformity);
    if values.all(|value| value.converged) { Done::Well } else { Done::WithFailures }
}
