//! `escape`: SGD launched from a minimum, or from a minimum of the one-dimensional example.

mod arguments;
mod grid;
mod toy;

use minimascope_experiment::escape::{LaunchQuestion, escape};
use minimascope_experiment::stability::at_minimum;
use minimascope_experiment::target::Target;
use minimascope_record::escape::{self as record, Fate, Growth, Linearised};
use minimascope_record::measured::Measured;
use minimascope_record::threshold::sharpness_limit;
use minimascope_report::views;

use crate::criteria::criteria;
use crate::exit::{Done, Failure};
use crate::pictures::draw;
use crate::summary::{name_of, percent};
use crate::table::{TextTable, grouped, none, plus_minus, significant};
use crate::{interrupt, progress};

pub(crate) use arguments::EscapeArguments;
use arguments::STEPS;

pub(super) fn run(arguments: &EscapeArguments) -> Result<Done, Failure> {
    let machine = arguments.place.machine.start();
    if arguments.target == "toy" {
        return toy::run(arguments);
    }
    if !arguments.curvatures.is_empty() || arguments.start.is_some() {
        return Err(Failure::Usage {
            what: "--curvatures and --start are of the one-dimensional example".into(),
            hint: "write escape toy, or leave them out".into(),
        });
    }
    if arguments.grid {
        return grid::run(arguments, &machine);
    }
    let place = &arguments.place;
    let (Some(learning_rate), Some(size)) =
        (arguments.optimizer.learning_rate, arguments.optimizer.batch_size)
    else {
        return Err(Failure::Usage {
            what: "a launch needs a learning rate and a batch size".into(),
            hint: "add --learning-rate and --batch-size, or --grid for many".into(),
        });
    };
    let target = Target::find(&arguments.target, &place.out, place.config.as_deref())?;
    progress::say_notes(target.plan().notes());
    let launch = LaunchQuestion {
        learning_rate,
        batch_size: size.of(target.plan().train().len()),
        sampling: arguments.optimizer.sampling.map(|scheme| scheme.0),
        seeds: arguments.seeds.unwrap_or(1),
        max_steps: arguments.steps.unwrap_or(STEPS),
        quick: arguments.quick,
    };
    launch.check(target.plan().train().len())?;
    let mut progress = progress::on_stderr();
    let flag = interrupt::flag();
    let name = format!("learning-rate-{learning_rate}-batch-size-{}", launch.batch_size);
    let folder = arguments.folder(&target, &name);
    let to = arguments.keep_in(&folder);
    let mut record =
        at_minimum(&target, &machine, progress.as_mut(), flag, |minimum, progress| {
            escape(minimum, &launch, &to, progress, flag)
        })?;
    drop(progress);
    record.folder = Some(folder.path().display().to_string());
    place.format.print(&record, text)?;
    draw(&views::escape(&record).figure(), folder.path())?;
    let interrupted = record.launches.iter().any(|launch| launch.fate == Fate::Interrupted);
    Ok(if interrupted { Done::Interrupted } else { Done::Well })
}

fn text(record: &record::Escape) -> String {
    let (origin, minimum) = (&record.origin, &record.point);
    let mut text = format!(
        "from the minimum of {} on {} (η = {}, B = {}) to SGD with η = {}, B = {}, {}\n\
         predicted: {} (η/η* = {})\n{}",
        origin.model,
        origin.data,
        origin.learning_rate,
        origin.batch_size,
        record.learning_rate,
        record.batch_size,
        name_of(&record.sampling),
        record.verdict,
        significant(record.margin),
        criteria(&record.thresholds)
    );
    let growth = &record.predicted_growth;
    text.push_str(&format!(
        "linearised loss, in the long run and {} directions: ×{} a step in the mean (×{} in half \
         as many){}\n",
        growth.directions,
        significant(growth.mean_square),
        significant(growth.mean_square_in_half),
        growth.typical.map_or(String::new(), |factor| {
            format!(", ×{} typically", plus_minus(factor, growth.typical_standard_error))
        })
    ));
    text.push_str(&linearised_launches(&record.linearised, record.max_steps));
    if let Some(observed) = &record.observed_growth {
        text.push_str(&format!("seen: {}\n", grown(observed)));
    }
    text.push('\n');
    let mut table = TextTable::new([
        "launch",
        "left at",
        "growth a step",
        "over steps",
        "lowest train",
        "a",
        "s",
        "loss",
        "train",
        "test",
        "distance",
    ]);
    let value = |value: Option<Measured>| value.map_or(none(), |value| significant(value.value));
    table.row([
        "the minimum".to_owned(),
        none(),
        none(),
        none(),
        none(),
        significant(minimum.sharpness.value),
        significant(minimum.non_uniformity.value),
        significant(minimum.train_loss),
        minimum.train_accuracy.map_or(none(), percent),
        origin.test_accuracy.map_or(none(), percent),
        "0".to_owned(),
    ]);
    for launch in &record.launches {
        let fit = launch.fitted_growth;
        let end = launch.end;
        table.row([
            format!("seed {} {}", launch.seed, launch.fate),
            launch.left_at.map_or(none(), grouped),
            fit.map_or(none(), |fit| plus_minus(fit.factor, fit.standard_error)),
            fit.map_or(none(), |fit| format!("{}–{}", fit.first, fit.last)),
            launch.lowest_train_accuracy.map_or(none(), percent),
            end.map_or(none(), |end| value(end.sharpness)),
            end.map_or(none(), |end| value(end.non_uniformity)),
            end.map_or(none(), |end| significant(end.train_loss)),
            end.map_or(none(), |end| percent(end.train_accuracy)),
            end.and_then(|end| end.test_accuracy).map_or(none(), percent),
            end.map_or(none(), |end| significant(end.distance)),
        ]);
    }
    text.push_str(&table.to_string());
    text.push_str(&format!(
        "2/η = {}; after at most {} steps; {}\n",
        significant(sharpness_limit(record.learning_rate)),
        grouped(record.max_steps),
        record.criterion
    ));
    text + &ending(&record.notes, record.folder.as_deref())
}

/// What to know, and where the record is: the last lines of a launch and of a grid.
fn ending(notes: &[String], folder: Option<&str>) -> String {
    let folder = folder.map(|folder| format!("record and figure in {folder}\n"));
    notes.iter().map(|note| format!("note: {note}\n")).chain(folder).collect()
}

/// What the linearised dynamics do when launched so; the network's launches took `steps` at most.
fn linearised_launches(linearised: &Linearised, steps: u64) -> String {
    let mut text = String::new();
    for of in &linearised.by_sampling {
        text.push_str(&format!(
            "linearised launches, {} directions with {} of the loss, {}: {} of {} leave{}",
            linearised.directions,
            percent(linearised.share_of_loss),
            name_of(&of.sampling),
            of.left_within(steps),
            of.departures.len(),
            of.left_at().map_or(String::new(), |at| format!(", the first at step {}", grouped(at))),
        ));
        let later = of.left_within(u64::MAX) - of.left_within(steps);
        if later > 0 {
            let most = grouped(linearised.max_steps);
            text.push_str(&format!(", {later} more by step {most}"));
        }
        let growth = of.growth.as_ref().map_or(String::new(), |at| format!("; {}", grown(at)));
        let typical = of.typical.map_or(String::new(), |factor| {
            format!("; ×{} a step typically, in the long run", significant(factor))
        });
        text.push_str(&format!("{growth}{typical}\n"));
    }
    text
}

fn grown(growth: &Growth) -> String {
    let factor = plus_minus(growth.factor, growth.standard_error);
    format!("the loss grows ×{factor} a step as it departs")
}
