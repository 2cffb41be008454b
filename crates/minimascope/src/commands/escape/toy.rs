//! `escape toy`: the one-dimensional example.

use minimascope_experiment::escape::toy::{ToyLaunch, launch};
use minimascope_record::escape::{ToyEnd, ToyEscape};
use minimascope_study::toy::ToyFigure;

use super::arguments::EscapeArguments;
use crate::criteria::criteria;
use crate::exit::{Done, Failure};
use crate::pictures::draw;
use crate::summary::name_of;
use crate::table::significant;

pub(super) fn run(arguments: &EscapeArguments) -> Result<Done, Failure> {
    let standard = ToyLaunch::default();
    let mut what = ToyLaunch {
        learning_rate: arguments.optimizer.learning_rate.unwrap_or(standard.learning_rate),
        sampling: arguments.optimizer.sampling.map_or(standard.sampling, |scheme| scheme.0),
        start: arguments.start.unwrap_or(standard.start),
        steps: arguments.steps.map_or(standard.steps, |steps| steps as usize),
        seeds: arguments.seeds.unwrap_or(standard.seeds),
        ..standard
    };
    match arguments.curvatures[..] {
        [] => {}
        [first, second] => what.curvatures = [first, second],
        _ => {
            return Err(Failure::Usage {
                what: "--curvatures takes two numbers".into(),
                hint: "write for example --curvatures 0.2,3.8".into(),
            });
        }
    }
    if arguments.optimizer.batch_size.is_some_and(|size| size.of(2) != 1) || arguments.grid {
        return Err(Failure::Usage {
            what: "the one-dimensional example has two functions, and SGD takes one at each step"
                .into(),
            hint: "leave --batch-size and --grid out; gradient descent is launched beside SGD"
                .into(),
        });
    }
    let (mut record, paths) = launch(&what)?;
    let folder = arguments.figures.as_deref().unwrap_or(&arguments.place.out);
    let drawn = draw(&ToyFigure::new(&record, &paths).figure(), folder);
    let path = drawn.as_ref().ok().and_then(Option::as_ref);
    record.figure = path.map(|path| path.display().to_string());
    arguments.place.format.print(&record, text)?;
    drawn.map(|_| Done::Well)
}

fn text(record: &ToyEscape) -> String {
    let [first, second] = record.curvatures;
    let mut text = format!(
        "f₁ and f₂ have curvatures {first} and {second} at x = 1, and 2 at x = 0; η = {}, B = 1\n",
        record.learning_rate
    );
    for minimum in &record.minima {
        text.push_str(&format!(
            "\nx = {}: a = {}, s = {}; the mean square grows ×{} a step: {} (η/η* = {})\n{}",
            minimum.position,
            significant(minimum.sharpness),
            significant(minimum.non_uniformity),
            significant(minimum.mean_square_growth),
            minimum.verdict,
            significant(minimum.margin),
            criteria(&minimum.thresholds)
        ));
        text.push_str(&format!(
            "  almost sure, closed form (reshuffled epochs: in mean square too): {:.6}\n",
            minimum.almost_sure_closed_form
        ));
    }
    let fates = &record.sgd;
    text.push_str(&format!(
        "\nfrom x = {} in {} steps:\nSGD, {} seeds, {}: {} at x = 0, {} at x = 1, {} between, {} diverged",
        record.start,
        record.steps,
        fates.seeds,
        name_of(&record.sampling),
        fates.at_zero,
        fates.at_one,
        fates.between,
        fates.diverged
    ));
    if let Some(step) = fates.median_departure {
        text.push_str(&format!("; |x − 1| exceeds 0.1 after {step} steps (median)"));
    }
    let end = match record.gradient_descent {
        ToyEnd::AtZero => "at x = 0",
        ToyEnd::AtOne => "at x = 1",
        ToyEnd::Between => "between",
        ToyEnd::Diverged => "diverged",
    };
    text.push_str(&format!("\ngradient descent: {end}\n"));
    text
}
