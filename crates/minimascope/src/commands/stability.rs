//! `stability`: which learning rates and batch sizes can stay at a minimum.

use minimascope_experiment::measure::target::Target;
use minimascope_experiment::stability::{Minimum, Query};
use minimascope_record::measured::Estimate;
use minimascope_record::stability::{
    CriticalLearningRate, LowerBy, RankStop, StabilityReport, Verdict,
};
use minimascope_report::views::{attribution, boundary};

use crate::arguments::Stability;
use crate::commands::run::for_every_direction;
use crate::exit::{Done, Failure};
use crate::pictures::{draw, picture};
use crate::summary::percent;
use crate::table::{Table, grouped, significant};
use crate::{interrupt, output, progress};

pub(crate) fn run(arguments: &Stability) -> Result<Done, Failure> {
    let place = &arguments.place;
    let target = Target::find(&arguments.target, &place.out, place.config.as_deref())?;
    let machine =
        if arguments.quick { place.machine.into() } else { for_every_direction(place.machine) };
    let n = target.plan().train().len();
    let optimizer = &arguments.optimizer;
    let query = Query {
        learning_rate: optimizer.learning_rate,
        batch_size: optimizer.batch_size.map(|size| size.of(n)),
        momentum: arguments.momentum,
        sampling: optimizer.sampling.map(|law| law.0),
        boundary: arguments.boundary,
        blame: arguments.blame.map_or(0, usize::from),
        batch_sharpness: arguments.batch_sharpness,
        quick: arguments.quick,
        tolerance: Some(arguments.tolerance),
    };
    query.check(n)?;
    let mut progress = progress::on_stderr();
    let flag = interrupt::flag();
    let Some(mut minimum) = Minimum::open(&target, &machine, progress.as_mut(), flag)? else {
        return Ok(Done::Interrupted);
    };
    let Some(report) = minimum.ask(&query, progress.as_mut(), flag)? else {
        return Ok(Done::Interrupted);
    };
    drop(progress);
    if place.json {
        output::json(&report)?;
    } else {
        output::text(&text(&report))?;
    }
    let folder = place.figures.as_deref().unwrap_or(target.folder());
    if let Some(boundary) = boundary(&report) {
        draw(&boundary.figure(), folder)?;
    }
    if let Some(attribution) =
        attribution(&report, |example| picture(target.plan().train(), example))
    {
        draw(&attribution.figure(), folder)?;
    }
    Ok(Done::Well)
}

fn text(report: &StabilityReport) -> String {
    let mut text = point(report);
    text.push('\n');
    if let (Some(rate), Some(size), Some(verdict), Some(margin)) =
        (report.learning_rate, report.batch_size, report.verdict, report.margin)
    {
        text.push_str(&format!(
            "η = {rate}, B = {size}: {verdict} (η/η* = {})\n",
            significant(margin)
        ));
    }
    if let Some(found) = report.smallest_batch_size {
        let size = |size: Option<usize>| {
            size.map_or("none".to_owned(), |size| format!("B = {}", grouped(size as u64)))
        };
        text.push_str(&format!(
            "smallest batch size at η = {}: {} by the estimate, {} proved\n",
            report.learning_rate.unwrap_or(f64::NAN),
            size(found.estimated),
            size(found.proved)
        ));
    }
    if let (Some(critical), Some(size)) = (&report.critical_learning_rate, report.batch_size) {
        text.push_str(&format!("critical learning rate at B = {size}:\n"));
        text.push_str(&criteria(critical, report.momentum));
    }
    if !report.boundary.is_empty() {
        text.push('\n');
        text.push_str(&boundary_table(report));
    }
    if let Some(blame) = &report.blame {
        for (of, shares) in
            [("share of s²", &blame.non_uniformity), ("share in η*", &blame.mean_square)]
        {
            let mut table = Table::new(["example", "label", of, "corrupted"]);
            for share in shares {
                table.row([
                    share.example.to_string(),
                    share.label.to_string(),
                    percent(share.share),
                    if share.corrupted { "yes" } else { "no" }.to_owned(),
                ]);
            }
            text.push_str(&format!("\n{table}"));
        }
        text.push('\n');
        let mut table = Table::new(["left out", "η*"]);
        for at in &blame.left_out {
            table.row([at.examples.to_string(), significant(at.critical_learning_rate)]);
        }
        let directions = grouped(blame.directions as u64);
        let at = blame.batch_size;
        text.push_str(&format!("{table}at B = {at}, η* in {directions} leading directions\n"));
    }
    if let Some(found) = &report.batch_sharpness {
        let estimate = |value: Option<Estimate>| {
            value.map_or("–".to_owned(), |at| {
                format!("{} ± {}", significant(at.value), significant(at.standard_error))
            })
        };
        text.push_str(&format!(
            "batch sharpness at B = {}: mean of ratios {}, ratio of means {}{}{}\n",
            found.batch_size,
            estimate(found.mean_of_ratios),
            estimate(found.ratio_of_means),
            if found.converged { "" } else { ", not converged" },
            report
                .learning_rate
                .map_or(String::new(), |rate| { format!("; 2/η = {}", significant(2.0 / rate)) })
        ));
    }
    for note in &report.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    text
}

/// Where the optimiser would start.
fn point(report: &StabilityReport) -> String {
    let minimum = &report.minimum;
    let factors = &minimum.gauss_newton;
    let test = minimum.test_accuracy.map(|test| format!(", test accuracy {}", percent(test)));
    let mut text = format!(
        "{} on {} examples of {}, trained with η = {}, B = {}\n\
         train loss {}, gradient norm {}, train accuracy {}{}\n",
        minimum.model,
        grouped(minimum.train_examples as u64),
        minimum.data,
        minimum.trained_learning_rate,
        minimum.trained_batch_size,
        significant(minimum.train_loss),
        significant(minimum.gradient_norm),
        percent(minimum.train_accuracy),
        test.unwrap_or_default(),
    );
    let mut table = Table::new(["", "Hessian", "Gauss–Newton", "difference"]);
    for (name, full, part) in [
        ("sharpness a", minimum.sharpness.value, factors.sharpness),
        ("non-uniformity s", minimum.non_uniformity.value, factors.non_uniformity),
    ] {
        let difference = format!("{:.2} %", 100.0 * (part / full - 1.0));
        table.row([name.to_owned(), significant(full), significant(part), difference]);
    }
    // Known to a share of the largest: a value near zero says no more than its residual.
    let smallest = &minimum.smallest_curvature;
    let smallest = format!("{} ± {:.0e}", significant(smallest.value), smallest.residual);
    table.row(["smallest eigenvalue".to_owned(), smallest, String::new(), String::new()]);
    text.push_str(&table.to_string());
    let ends = minimum.example_curvatures;
    text.push_str(&format!(
        "{} examples, the {} sharpest and the {} of largest loss, have eigenvalues from {} to {}\n",
        ends.examples,
        ends.of_largest_curvature,
        ends.of_largest_loss,
        significant(ends.smallest),
        significant(ends.largest)
    ));
    let left_out = match factors.tail {
        Some(0.0) => None,
        Some(tail) => Some(format!("the curvatures left out are at most {}", significant(tail))),
        None => Some("nothing bounds the curvatures left out".to_owned()),
    };
    if let Some(left_out) = left_out {
        let rank = grouped(factors.rank as u64);
        text.push_str(&format!("{rank} leading directions; {left_out}\n"));
    }
    text
}

/// What each criterion says, of SGD with this momentum.
pub(crate) fn criteria(critical: &CriticalLearningRate, momentum: f64) -> String {
    let exact = &critical.exact;
    // The rectangle and the last three know no momentum.
    let plain = |remark: &str| match (momentum > 0.0, remark) {
        (false, remark) => remark.to_owned(),
        (true, "") => "without momentum".to_owned(),
        (true, remark) => format!("{remark}, without momentum"),
    };
    let mut table = Table::new(["  criterion", "η", "proves", "remark"]);
    let mut row = |name: &str, value: String, proves: &str, remark: String| {
        table.row([format!("  {name}"), value, proves.to_owned(), remark]);
    };
    if let Some(value) = critical.theorem1 {
        // Of leading directions alone it is a Lanczos value, and only the lower end is proved.
        let proved = value <= exact.lower * (1.0 + 1e-6);
        let (proves, remark) =
            if proved { ("staying below", "") } else { ("nothing", "of leading directions") };
        row("Theorem 1", significant(value), proves, remark.to_owned());
    }
    row("rectangle", significant(critical.rectangle), "nothing", plain(""));
    let lower_by = match exact.lower_by {
        LowerBy::Theorem1 => "by Theorem 1",
        LowerBy::Certificate => "by a certificate",
        LowerBy::Sharpness => "by the sharpness",
        LowerBy::None => "nothing proved",
    };
    row("exact, lower end", significant(exact.lower), "staying below", lower_by.to_owned());
    row("exact, estimate", significant(exact.estimate), "", ranks(critical));
    row("exact, upper end", significant(exact.upper), "leaving above", String::new());
    let names =
        ["bound of the top direction", "bound of the traces", "bound of the best direction"];
    for (name, value) in names.into_iter().zip(&critical.bounds) {
        row(name, significant(*value), "leaving above", String::new());
    }
    if let Some(found) = critical.almost_sure {
        let settled = if found.converged { "" } else { ", not converged" };
        let rank = grouped(found.rank as u64);
        let error = significant(found.standard_error);
        let error = format!("± {error}, r = {rank}{settled}");
        row("almost sure", significant(found.value), "", error);
    }
    let descent = significant(critical.gradient_descent);
    row("gradient descent", descent, "leaving above", String::new());
    let decoupled = significant(critical.decoupled);
    row("decoupled noise", decoupled, "nothing", plain("from the spectrum alone"));
    let worst = significant(critical.worst_example);
    row("worst example", worst, "", plain("some batch expands above"));
    if let Some(batch) = critical.worst_batch {
        let value = significant(batch.critical_learning_rate);
        let remark = format!("the sharpest of {} batches expands above", batch.batches);
        row("worst batch drawn", value, "", plain(&remark));
    }
    table.to_string()
}

/// How the estimate settled as directions were added.
fn ranks(critical: &CriticalLearningRate) -> String {
    let exact = &critical.exact;
    let values = exact.ranks.iter().map(|at| {
        format!("{} in {}", significant(at.critical_learning_rate), grouped(at.rank as u64))
    });
    let settled = match exact.stop {
        RankStop::AllDirections => " directions, which are all",
        RankStop::Converged => " directions",
        _ => " directions, not settled",
    };
    format!("{}{settled}", values.collect::<Vec<_>>().join(", "))
}

fn boundary_table(report: &StabilityReport) -> String {
    let mut table = Table::new([
        "B",
        "Theorem 1",
        "rectangle",
        "exact in",
        "estimate",
        "bounds",
        "almost sure",
        "decoupled",
        "worst example",
        "worst batch",
        "verdict",
    ]);
    for row in &report.boundary {
        let critical = &row.critical_learning_rate;
        let exact = &critical.exact;
        let least = critical.bounds.iter().copied().reduce(f64::min);
        let or_dash = |value: Option<f64>| value.map_or("–".to_owned(), significant);
        table.row([
            row.batch_size.to_string(),
            or_dash(critical.theorem1),
            significant(critical.rectangle),
            format!("[{}, {}]", significant(exact.lower), significant(exact.upper)),
            significant(exact.estimate),
            or_dash(least),
            or_dash(critical.almost_sure.map(|found| found.value)),
            significant(critical.decoupled),
            significant(critical.worst_example),
            or_dash(critical.worst_batch.map(|found| found.critical_learning_rate)),
            row.verdict.as_ref().map_or(String::new(), Verdict::to_string),
        ]);
    }
    table.to_string()
}
