//! The thresholds at a minimum of the study, and a launch from it: `theory.json` in its folder.

use std::sync::atomic::AtomicBool;

use minimascope_experiment::Error;
use minimascope_experiment::escape::{LaunchQuestion, LaunchStore, escape};
use minimascope_experiment::folder::{RunFolder, THEORY};
use minimascope_experiment::progress::Progress;
use minimascope_experiment::run::{Existing, Options};
use minimascope_experiment::stability::{RunMinimum, at_minimum};
use minimascope_experiment::target::Target;
use minimascope_record::SCHEMA_VERSION;
use minimascope_record::escape::Fate;
use minimascope_record::outcome::Outcome;
use minimascope_record::reproduction::Theory;
use minimascope_record::run::RunSummary;

/// The batch size with which the study launches SGD from minima of gradient descent.
const SMALL_BATCH: usize = 4;
/// Steps of the launch. SGD leaves within 40 and has settled after 500.
const STEPS: u64 = 500;

/// Computes it once for a run, and reads it from the run's folder afterwards. `None` says that the run has
/// no minimum.
///
/// # Errors
/// [`Error::Interrupted`], and those of [`at_minimum`].
pub(super) fn of(
    result: &RunSummary,
    options: &Options,
    progress: &mut dyn Progress,
    interrupt: &AtomicBool,
) -> Result<Option<Theory>, Error> {
    if matches!(result.outcome, Some(Outcome::Diverged | Outcome::Dead)) {
        return Ok(None);
    }
    let folder = RunFolder::at(options.out.join(&result.run));
    if folder.has(THEORY)
        && options.existing != Existing::Restart
        && let Some(known) = known(&folder)?
    {
        return Ok(Some(known));
    }
    let target = Target::find(&result.run, &options.out, None)?;
    let compute = |minimum: &mut RunMinimum<'_, '_>, progress: &mut dyn Progress| {
        let mut stability = Vec::new();
        for size in [result.batch_size, SMALL_BATCH] {
            stability.push(minimum.judge_quickly(size, progress, interrupt)?);
        }
        let mut launched = None;
        if result.batch_size == result.train_examples {
            let launch = LaunchQuestion {
                learning_rate: result.learning_rate,
                batch_size: SMALL_BATCH,
                sampling: None,
                seeds: 1,
                max_steps: STEPS,
                quick: true,
            };
            let below = launch.folder_in(&folder);
            let place = LaunchStore { folder: below.clone(), existing: options.existing };
            let mut record = escape(minimum, &launch, &place, progress, interrupt)?;
            if record.launches.iter().any(|launch| launch.fate == Fate::Interrupted) {
                return Err(Error::Interrupted);
            }
            record.folder = Some(below.path().to_string_lossy().into_owned());
            record.launches.iter_mut().for_each(|launch| launch.course.clear());
            launched = Some(record);
        }
        Ok(Theory { schema_version: SCHEMA_VERSION, stability, escape: launched })
    };
    let theory = at_minimum(&target, &options.machine, progress, interrupt, compute)?;
    folder.write_json(THEORY, &theory)?;
    Ok(Some(theory))
}

/// The record in a run's folder, of an earlier schema version too. `None` when it lacks what this version
/// needs: then it is computed again.
fn known(folder: &RunFolder) -> Result<Option<Theory>, Error> {
    match folder.read_json(THEORY) {
        Ok(theory) => Ok(Some(theory)),
        Err(Error::Damaged { .. }) => Ok(None),
        Err(other) => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_cannot_be_used_is_computed_again() {
        let directory = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(directory.path().to_owned());
        let theory = Theory { schema_version: SCHEMA_VERSION, stability: Vec::new(), escape: None };
        folder.write_json(THEORY, &theory).unwrap();
        assert_eq!(known(&folder).unwrap(), Some(theory));
        let newer = format!("{{\"schema_version\":{},\"stability\":[]}}", SCHEMA_VERSION + 1);
        let lacking = format!("{{\"schema_version\":{SCHEMA_VERSION}}}");
        for text in [newer.as_str(), lacking.as_str(), "{"] {
            folder.write(THEORY, text.as_bytes()).unwrap();
            assert_eq!(known(&folder).unwrap(), None, "{text}");
        }
        std::fs::remove_file(folder.file(THEORY)).unwrap();
        assert!(matches!(known(&folder), Err(Error::Read { .. })));
    }
}
