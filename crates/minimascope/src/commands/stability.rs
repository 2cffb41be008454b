//! `stability`: which learning rates and batch sizes can stay at a minimum.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use minimascope_experiment::stability::at_minimum;
use minimascope_experiment::target::Target;
use minimascope_minimum::check;
use minimascope_record::measured::Estimate;
use minimascope_record::stability::{
    Attribution, Share, StabilityQuestion, StabilityReport, Verdict,
};
use minimascope_record::threshold::sharpness_limit;
use minimascope_report::figures::attribution::Attributed;
use minimascope_report::views::{attribution, boundary};

use crate::arguments::{MinimumPlace, OptimizerArguments, parse_number};
use crate::criteria::{ThresholdColumns, criteria};
use crate::exit::{Done, Failure};
use crate::pictures::{draw, picture};
use crate::summary::percent;
use crate::table::{TextTable, grouped, none, plus_minus, significant};
use crate::{interrupt, progress};

/// Say which learning rates and batch sizes can stay at a run's minimum.
///
/// With --learning-rate and --batch-size: does SGD stay there? With --batch-size alone: up to
/// which learning rate? With --learning-rate alone: from which batch size on? With neither: does
/// the run's own pair stay?
#[derive(Debug, Args)]
pub(crate) struct StabilityArguments {
    /// A run's folder or id, or a .safetensors file of parameters.
    #[arg(value_name = "RUN|CHECKPOINT")]
    target: String,
    #[command(flatten)]
    optimizer: OptimizerArguments,
    /// β of heavy-ball momentum [default: the run's].
    #[arg(long, value_name = "BETA", value_parser = parse_number)]
    momentum: Option<f64>,
    /// Critical learning rates at B = 1, 2, 4, … n, as a table and a figure.
    #[arg(long)]
    boundary: bool,
    /// The examples that make SGD leave, and η* and s without them [default count: 8].
    #[arg(
        long,
        visible_alias = "blame",
        value_name = "COUNT",
        num_args = 0..=1,
        default_missing_value = "8"
    )]
    attribution: Option<NonZeroUsize>,
    /// The curvature along SGD's own steps, to compare with 2/η.
    #[arg(long)]
    batch_sharpness: bool,
    /// No simulations, and for a large problem leading directions only: a wider bracket, sooner.
    #[arg(long)]
    quick: bool,
    /// The exact threshold has settled when twice the directions change it by less than this.
    /// [default: 0.01]
    #[arg(long, value_name = "SHARE", value_parser = parse_number)]
    tolerance: Option<f64>,
    /// The folder for the figures (SVG) [default: the run's].
    #[arg(long, value_name = "DIR")]
    figures: Option<PathBuf>,
    #[command(flatten)]
    place: MinimumPlace,
}

pub(super) fn run(arguments: &StabilityArguments) -> Result<Done, Failure> {
    let place = &arguments.place;
    let machine = if arguments.quick {
        place.machine.start()
    } else {
        place.machine.start_for_every_direction()
    };
    let target = Target::find(&arguments.target, &place.out, place.config.as_deref())?;
    progress::say_notes(target.plan().notes());
    let n = target.plan().train().len();
    let optimizer = &arguments.optimizer;
    let question = StabilityQuestion {
        learning_rate: optimizer.learning_rate,
        batch_size: optimizer.batch_size.map(|size| size.of(n)),
        momentum: arguments.momentum,
        sampling: optimizer.sampling.map(|scheme| scheme.0),
        boundary: arguments.boundary,
        attribution: arguments.attribution.map_or(0, usize::from),
        batch_sharpness: arguments.batch_sharpness,
        quick: arguments.quick,
        tolerance: arguments.tolerance,
    };
    check(&question, n).map_err(minimascope_experiment::Error::from)?;
    let mut progress = progress::on_stderr();
    let flag = interrupt::flag();
    let report = at_minimum(&target, &machine, progress.as_mut(), flag, |minimum, progress| {
        minimum.ask(&question, progress, flag)
    })?;
    drop(progress);
    place.format.print(&report, text)?;
    let folder = arguments.figures.as_deref().unwrap_or(target.folder());
    if let Some(boundary) = boundary(&report) {
        draw(&boundary.figure(), folder)?;
    }
    for attribution in attribution(&report, |example| picture(target.plan().train(), example)) {
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
    if let (false, Some(size)) = (report.thresholds.is_empty(), report.batch_size) {
        text.push_str(&format!("critical learning rate at B = {size}:\n"));
        text.push_str(&criteria(&report.thresholds));
    }
    if !report.boundary.is_empty() {
        text.push('\n');
        text.push_str(&boundary_table(report));
    }
    if let Some(found) = &report.attribution {
        text.push_str(&attribution_tables(report, found));
    }
    if let Some(found) = &report.batch_sharpness {
        let estimate = |value: Option<Estimate>| {
            value.map_or(none(), |at| plus_minus(at.value, Some(at.standard_error)))
        };
        text.push_str(&format!(
            "batch sharpness at B = {}: mean of ratios {}, ratio of means {}{}{}\n",
            found.batch_size,
            estimate(found.mean_of_ratios),
            estimate(found.ratio_of_means),
            if found.converged { "" } else { ", not converged" },
            report.learning_rate.map_or(String::new(), |rate| {
                format!("; 2/η = {}", significant(sharpness_limit(rate)))
            })
        ));
    }
    for note in &report.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    text
}

/// For η* and for s: who has the largest shares, and what is left without them.
fn attribution_tables(report: &StabilityReport, found: &Attribution) -> String {
    let label = |share: &Share| share.label.map_or(none(), |label| label.to_string());
    let corrupted = |share: &Share| if share.corrupted { "yes" } else { "no" }.to_owned();
    let mut text = String::new();
    let figures = attribution(report, |_| (String::new(), None));
    for figure in figures {
        let (of, name, shares) = match figure.of {
            Attributed::CriticalLearningRate { .. } => ("share in η*", "η*", &found.mean_square),
            Attributed::NonUniformity => ("share of s²", "s", &found.non_uniformity),
        };
        let mut table = TextTable::new(["example", "label", of, "corrupted"]);
        for share in shares {
            let cells =
                [share.example.to_string(), label(share), percent(share.share), corrupted(share)];
            table.row(cells);
        }
        text.push_str(&format!("\n{table}\n{}\n", figure.finding(["η*", "s"])));
        let largest = match figure.of {
            Attributed::CriticalLearningRate { .. } => {
                found.critical_of_rest.iter().map(|at| at.largest_share).collect::<Vec<_>>()
            }
            Attributed::NonUniformity => {
                found.non_uniformity_of_rest.iter().map(|at| at.largest_share).collect()
            }
        };
        let headings = ["left out", name, "then the largest", "example", "label", "corrupted"];
        let mut table = TextTable::new(headings);
        for (rest, leader) in figure.rest.iter().zip(largest) {
            let of = |cell: &dyn Fn(&Share) -> String| leader.as_ref().map_or(none(), cell);
            table.row([
                rest.left_out.to_string(),
                rest.value.map_or("no limit".to_owned(), significant),
                of(&|share| percent(share.share)),
                of(&|share| share.example.to_string()),
                of(&label),
                of(&corrupted),
            ]);
        }
        text.push_str(&table.to_string());
    }
    let rank = grouped(found.rank as u64);
    let at = found.batch_size;
    text + &format!("at B = {at}, η* from square-root factors of rank {rank}\n")
}

/// Where the optimiser would start.
fn point(report: &StabilityReport) -> String {
    let minimum = &report.point;
    let factors = &minimum.gauss_newton;
    let examples = grouped(minimum.train_examples as u64);
    let mut text = match &report.origin {
        Some(origin) => format!(
            "{} on {examples} examples of {}, trained with η = {}, B = {}\n",
            origin.model, origin.data, origin.learning_rate, origin.batch_size
        ),
        None => format!("{examples} examples\n"),
    };
    let test = report.origin.as_ref().and_then(|origin| origin.test_accuracy);
    text.push_str(&format!(
        "train loss {}, gradient norm {}",
        significant(minimum.train_loss),
        significant(minimum.gradient_norm)
    ));
    for (name, accuracy) in [("train", minimum.train_accuracy), ("test", test)] {
        if let Some(accuracy) = accuracy {
            text.push_str(&format!(", {name} accuracy {}", percent(accuracy)));
        }
    }
    text.push('\n');
    let mut table = TextTable::new(["", "Hessian", "Gauss–Newton", "difference"]);
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
        text.push_str(&format!("Gauss–Newton square-root factors of rank {rank}; {left_out}\n"));
    }
    text
}

/// A row a batch size, a column a criterion.
fn boundary_table(report: &StabilityReport) -> String {
    let columns = ThresholdColumns::of(report.boundary.iter().map(|row| &row.thresholds[..]));
    let titles = columns.titles();
    let mut table =
        TextTable::new(["B".to_owned()].into_iter().chain(titles).chain(["verdict".to_owned()]));
    for row in &report.boundary {
        let verdict = row.verdict.as_ref().map_or(String::new(), Verdict::to_string);
        let cells = columns.cells(&row.thresholds);
        table.row([row.batch_size.to_string()].into_iter().chain(cells).chain([verdict]));
    }
    table.to_string()
}
