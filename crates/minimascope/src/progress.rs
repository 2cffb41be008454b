//! Progress on stderr: a bar on a terminal, a plain line every few seconds elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use minimascope_experiment::progress::{Event, MeasureProgress, Progress, Quantity, StepProgress};

use crate::summary::percent;
use crate::table::{grouped, significant};

pub(crate) fn on_stderr() -> Box<dyn Progress> {
    if std::io::stderr().is_terminal() {
        Box::new(Bar { bar: ProgressBar::hidden(), showing: Showing::Nothing })
    } else {
        Box::new(ProgressLines { last: None })
    }
}

/// What is unusual about the data of a plan.
pub(crate) fn say_notes<'a>(notes: impl IntoIterator<Item = &'a String>) {
    for note in notes {
        anstream::eprintln!("note: {note}");
    }
}

struct Bar {
    bar: ProgressBar,
    showing: Showing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Showing {
    Nothing,
    Training,
    Measuring,
}

impl Bar {
    /// A bar for training, which has an end in sight; a spinner for measuring, which has none.
    fn show(&mut self, what: Showing) {
        if self.showing == what {
            return;
        }
        self.bar.finish_and_clear();
        self.bar = match what {
            Showing::Nothing => ProgressBar::hidden(),
            Showing::Training => {
                ProgressBar::new(0).with_style(style("{wide_bar} {pos}/{len} {msg}"))
            }
            Showing::Measuring => ProgressBar::new_spinner().with_style(style("{spinner} {msg}")),
        };
        if what == Showing::Measuring {
            self.bar.enable_steady_tick(Duration::from_millis(100));
        }
        self.showing = what;
    }
}

pub(crate) fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates are constants")
}

impl Progress for Bar {
    fn event(&mut self, event: Event<'_>) {
        match &event {
            Event::Step(at) => {
                self.show(Showing::Training);
                self.bar.set_length(at.max_steps);
                self.bar.set_position(at.step);
                self.bar.set_message(training(at));
            }
            Event::Measuring(at) => {
                self.show(Showing::Measuring);
                self.bar.set_message(measuring(at));
            }
            Event::StageEnded => self.show(Showing::Nothing),
            other => {
                if let Some(line) = message(other) {
                    self.bar.suspend(|| anstream::eprintln!("{line}"));
                }
            }
        }
    }
}

struct ProgressLines {
    last: Option<Instant>,
}

/// Between two lines of the same stage: a log of an hour stays readable.
const EVERY: Duration = Duration::from_secs(5);

impl Progress for ProgressLines {
    fn event(&mut self, event: Event<'_>) {
        let line = match &event {
            Event::Step(at) => {
                format!(
                    "step {} of at most {}, {}",
                    grouped(at.step),
                    grouped(at.max_steps),
                    training(at)
                )
            }
            Event::Measuring(at) => measuring(at),
            Event::StageEnded => return,
            other => {
                if let Some(line) = message(other) {
                    anstream::eprintln!("{line}");
                }
                return;
            }
        };
        let now = Instant::now();
        let last = *self.last.get_or_insert(now);
        if now.duration_since(last) >= EVERY {
            self.last = Some(now);
            anstream::eprintln!("{line}");
        }
    }
}

fn training(at: &StepProgress) -> String {
    let mut text = format!("loss {}", significant(at.average_loss));
    if let Some(accuracy) = at.train_accuracy {
        text.push_str(&format!(", accuracy {:.1} %", 100.0 * accuracy));
    }
    text.push_str(&format!(", {} steps/s", significant(at.steps_per_second)));
    // A year of an early guess says nothing.
    if let Some(seconds) = at.remaining_seconds.filter(|seconds| *seconds < 1e6) {
        text.push_str(&format!(
            ", about {:#} left",
            HumanDuration(Duration::from_secs_f64(seconds))
        ));
    }
    text
}

fn measuring(at: &MeasureProgress) -> String {
    let MeasureProgress { quantity, products, value, relative_residual } = at;
    let unit = if *quantity == Quantity::LinearisedLaunch { "done" } else { "products" };
    let mut text = format!("measuring {quantity}: {products} {unit}");
    if let Some(value) = value {
        text.push_str(&format!(", {}", significant(*value)));
    }
    if let Some(relative_residual) = relative_residual {
        text.push_str(&format!(" with relative residual {relative_residual:.0e}"));
    }
    text
}

/// What stays on the screen.
fn message(event: &Event<'_>) -> Option<String> {
    match event {
        Event::Started { plan, folder, from_step, memory, threads } => {
            let config = plan.config();
            let from = match from_step {
                0 => String::new(),
                step => format!(", from step {}", grouped(*step)),
            };
            Some(format!(
                "{}: {} parameters, {} of {}; η = {}, B = {}, seed {}; {threads} threads, \
                 at most {} of memory{from}\n{}",
                plan.model(),
                grouped(plan.network().parameters() as u64),
                grouped(plan.train().len() as u64),
                plan.train().name(),
                config.train.learning_rate,
                plan.batch_size(),
                config.train.seed,
                indicatif::HumanBytes(*memory as u64),
                folder.display(),
            ))
        }
        Event::AlreadyFinished { folder } => {
            Some(format!("{} is finished; --force runs it again", folder.display()))
        }
        Event::Observed(line) => {
            let mut text = format!("step {}:", grouped(line.step));
            let parts = [
                ("train loss", line.train_loss.map(significant)),
                ("train accuracy", line.train_accuracy.map(percent)),
                ("test accuracy", line.test_accuracy.map(percent)),
                ("sharpness", line.sharpness.map(|a| significant(a.value))),
                ("non-uniformity", line.non_uniformity.map(|s| significant(s.value))),
            ];
            let parts: Vec<String> = parts
                .into_iter()
                .filter_map(|(name, value)| value.map(|value| format!(" {name} {value}")))
                .collect();
            text.push_str(&parts.join(","));
            Some(text)
        }
        Event::Launching { number, of, learning_rate, batch_size } => {
            Some(format!("{number} of {of}: launches with η = {learning_rate}, B = {batch_size}"))
        }
        Event::ProductCost(cost) => {
            // A multiply–add is two operations.
            let (value, unit) = match 2.0 * cost.operations {
                giga if giga >= 1e9 => (giga / 1e9, "GFLOP"),
                mega if mega >= 1e6 => (mega / 1e6, "MFLOP"),
                few => (few / 1e3, "kFLOP"),
            };
            let memory = indicatif::HumanBytes(cost.bytes as u64);
            let value = significant(value);
            Some(format!("one product with H: {value} {unit}, {memory} of memory with the data"))
        }
        // A checkpoint is no news.
        _ => None,
    }
}
