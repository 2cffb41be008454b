//! From a plan to a finished run folder, from wherever an earlier start of it got to.

mod pace;
mod provenance;
mod recorder;
mod session;
mod trace;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use minimascope_record::run::RunSummary;

use crate::Error;
use crate::folder::{CHECKPOINT, OUTCOME, RunFolder, TRAINED, finished};
use crate::loaded_plan::in_precision;
use crate::machine::Machine;
use crate::plan::Plan;
use crate::progress::{Event, Progress};

use session::Session;

/// What is done about an earlier start of the same run. A finished run is reported, not computed
/// again, unless it is restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// An unfinished one is an error.
    Report,
    /// An unfinished one is continued.
    Resume,
    /// Whatever stands is removed.
    Restart,
}

/// Where and how a run runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder that holds run folders.
    pub out: PathBuf,
    /// What is done about an earlier start.
    pub existing: Existing,
    /// Threads and memory.
    pub machine: Machine,
}

/// Trains, measures, and leaves a complete run folder; or, when `interrupt` becomes true, leaves a
/// checkpoint and returns a summary whose outcome is `Interrupted`.
///
/// # Errors
/// [`Error::Unfinished`]; a file that cannot be written; a budget of memory that is too small.
/// Divergence and the step limit are outcomes.
pub fn run(
    plan: &Plan,
    options: &Options,
    progress: &mut dyn Progress,
    interrupt: &AtomicBool,
) -> Result<RunSummary, Error> {
    let folder = RunFolder::at(options.out.join(plan.id().as_str()));
    folder.create()?;
    let _lock = folder.lock()?;
    if options.existing == Existing::Restart {
        folder.clear()?;
    } else if folder.has(OUTCOME) {
        progress.event(Event::AlreadyFinished { folder: folder.path() });
        return finished(&folder);
    } else if options.existing == Existing::Report
        && (folder.has(CHECKPOINT) || folder.has(TRAINED))
    {
        return Err(Error::Unfinished(folder.path().to_owned()));
    }
    in_folder(plan, folder, &options.machine, progress, interrupt)
}

/// Trains and measures in a folder that this process alone works in, from what stands there.
pub(crate) fn in_folder(
    plan: &Plan,
    folder: RunFolder,
    machine: &Machine,
    progress: &mut dyn Progress,
    interrupt: &AtomicBool,
) -> Result<RunSummary, Error> {
    in_precision!(plan.config().precision, T => {
        Session::<T>::new(plan, machine, folder, progress, interrupt)?.run()
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::folder::CURVATURE;
    use crate::progress::Silent;

    /// 51 parameters on eight images, sharpness at every third step.
    const OBSERVED: &str = r#"
        precision = "f64"
        model.architecture.input = { channels = 1, height = 28, width = 28 }
        observe.sharpness_every = 3
        data = { source = "fashion-mnist", classes = [0, 1], train = { first = 8 } }
        train = { learning_rate = 0.05, batch_size = 3, stop = { max_steps = 12 } }
        [[model.architecture.layers]]
        kind = "average-pool"
        window = 7
        [[model.architecture.layers]]
        kind = "linear"
        outputs = 2
    "#;

    /// Gradient descent in single precision that diverges within a few steps, through parameters whose
    /// products overflow although their loss does not.
    const DIVERGING: &str = r#"
        model.architecture.input = { channels = 1, height = 28, width = 28 }
        data = { source = "fashion-mnist", train = { first = 40 }, test = { first = 10 } }
        train = { learning_rate = 50, stop = { max_steps = 60 } }
        model.architecture.layers = [
            { kind = "average-pool", window = 4 },
            { kind = "linear", outputs = 20 },
            { kind = "activation", function = "relu" },
            { kind = "linear", outputs = 20 },
            { kind = "activation", function = "relu" },
            { kind = "linear", outputs = 10 },
        ]
    "#;

    #[test]
    fn observers_of_a_run_that_diverges_change_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let machine = Machine { threads: 1, memory_bytes: 1 << 26 };
        let go = AtomicBool::new(false);
        let mut overflown = 0;
        for (rate, seed) in [(50.0, 0), (50.0, 1), (300.0, 3), (1e5, 2)] {
            let ended = |observers: &str| {
                let train = format!("learning_rate = {rate:?}, seed = {seed}");
                let text = DIVERGING.replace("learning_rate = 50", &train);
                let plan = Plan::of_toml(&format!("{observers}\n{text}"));
                let name = format!("{rate} {seed} {observers}");
                let folder = RunFolder::at(directory.path().join(name));
                folder.create().unwrap();
                let summary = in_folder(&plan, folder.clone(), &machine, &mut Silent, &go).unwrap();
                let lines = fs::read_to_string(folder.file(CURVATURE)).unwrap();
                (summary.outcome, summary.steps, lines)
            };
            let (outcome, steps, _) = ended("");
            for observers in ["observe.sharpness_every = 1", "observe.non_uniformity_every = 1"] {
                let (observed, at, lines) = ended(observers);
                assert_eq!((observed, at), (outcome, steps), "{rate} {seed} {observers}");
                let lines = lines.lines();
                overflown += lines.filter(|line| !line.contains("relative_residual")).count();
            }
        }
        assert!(overflown > 0, "a product overflows");
    }

    /// Interrupts at the n-th product of all measurements.
    struct StopAtProduct<'a>(u32, &'a AtomicBool);

    impl Progress for StopAtProduct<'_> {
        fn event(&mut self, event: Event<'_>) {
            if matches!(event, Event::Measuring(_)) {
                self.0 = self.0.saturating_sub(1);
                if self.0 == 0 {
                    self.1.store(true, Ordering::Relaxed);
                }
            }
        }
    }

    #[test]
    fn a_line_whose_measurement_was_interrupted_is_written_when_the_run_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let plan = Plan::of_toml(OBSERVED);
        let machine = Machine { threads: 1, memory_bytes: 1 << 26 };
        let folder = |name: &str| {
            let folder = RunFolder::at(directory.path().join(name));
            folder.create().unwrap();
            folder
        };
        let go = AtomicBool::new(false);
        let whole = folder("whole");
        in_folder(&plan, whole.clone(), &machine, &mut Silent, &go).unwrap();
        let expected = fs::read(whole.file(CURVATURE)).unwrap();
        assert_eq!(expected.iter().filter(|byte| **byte == b'\n').count(), 4);
        for product in 1..20 {
            let cut = folder(&format!("cut {product}"));
            let stop = AtomicBool::new(false);
            let mut progress = StopAtProduct(product, &stop);
            in_folder(&plan, cut.clone(), &machine, &mut progress, &stop).unwrap();
            assert!(stop.load(Ordering::Relaxed), "{product} products are made");
            in_folder(&plan, cut.clone(), &machine, &mut Silent, &go).unwrap();
            let lines = fs::read(cut.file(CURVATURE)).unwrap();
            assert!(lines == expected, "product {product}: {}", String::from_utf8_lossy(&lines));
        }
    }
}
