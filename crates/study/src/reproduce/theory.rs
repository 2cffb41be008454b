//! The thresholds at a minimum of the study, and a launch from it: `theory.json` in its folder.

use std::sync::atomic::AtomicBool;

use minimascope_experiment::Error;
use minimascope_experiment::escape::{Launch, Place, escape};
use minimascope_experiment::folder::RunFolder;
use minimascope_experiment::measure::target::Target;
use minimascope_experiment::progress::Progress;
use minimascope_experiment::quick_judgement::quick_judgement;
use minimascope_experiment::run::{Existing, Options};
use minimascope_experiment::stability::Minimum;
use minimascope_experiment::stored_runs::THEORY;
use minimascope_record::SCHEMA_VERSION;
use minimascope_record::escape::Fate;
use minimascope_record::outcome::Outcome;
use minimascope_record::reproduction::Theory;
use minimascope_record::run::RunSummary;

/// The batch size with which the study launches SGD from minima of gradient descent.
const SMALL_BATCH: usize = 4;
/// Steps of the launch. SGD leaves within 40 and has settled after 500.
const STEPS: u64 = 500;

/// Computes it once for a run, and reads it from the run's folder afterwards. The inner `None` says that
/// the run has no minimum, the outer one that the computation was interrupted.
pub(super) fn of(
    result: &RunSummary,
    options: &Options,
    progress: &mut dyn Progress,
    interrupt: &AtomicBool,
) -> Result<Option<Option<Theory>>, Error> {
    if matches!(result.outcome, Some(Outcome::Diverged | Outcome::Dead)) {
        return Ok(Some(None));
    }
    let folder = RunFolder::at(options.out.join(&result.run));
    if folder.has(THEORY)
        && options.existing != Existing::Restart
        && let Some(known) = known(&folder)?
    {
        return Ok(Some(Some(known)));
    }
    let target = Target::find(&result.run, &options.out, None)?;
    let Some(mut minimum) = Minimum::open(&target, &options.machine, progress, interrupt)? else {
        return Ok(None);
    };
    let mut stability = Vec::new();
    for size in [result.batch_size, SMALL_BATCH] {
        let Some(judged) = quick_judgement(&minimum, size, progress, interrupt)? else {
            return Ok(None);
        };
        stability.push(judged);
    }
    let mut launched = None;
    if result.batch_size == result.train_examples {
        let launch = Launch {
            learning_rate: result.learning_rate,
            batch_size: SMALL_BATCH,
            sampling: None,
            seeds: 1,
            max_steps: STEPS,
            quick: true,
        };
        let below = launch.folder_in(&folder);
        let place = Place { folder: below.clone(), existing: options.existing };
        let Some(mut record) = escape(&mut minimum, &launch, &place, progress, interrupt)? else {
            return Ok(None);
        };
        if record.launches.iter().any(|launch| launch.fate == Fate::Interrupted) {
            return Ok(None);
        }
        record.folder = Some(below.path().to_string_lossy().into_owned());
        record.launches.iter_mut().for_each(|launch| launch.course.clear());
        launched = Some(record);
    }
    let theory = Theory { schema_version: SCHEMA_VERSION, stability, escape: launched };
    folder.write_json(THEORY, &theory)?;
    Ok(Some(Some(theory)))
}

/// The record in a run's folder. `None` when it has another schema version or lacks a field: then it is
/// computed again.
fn known(folder: &RunFolder) -> Result<Option<Theory>, Error> {
    #[derive(serde::Deserialize)]
    struct TheoryVersion {
        schema_version: u32,
    }
    let TheoryVersion { schema_version } = folder.read_json(THEORY)?;
    Ok(if schema_version == SCHEMA_VERSION { folder.read_json(THEORY).ok() } else { None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_another_version_is_not_read() {
        let directory = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(directory.path().to_owned());
        let theory = Theory { schema_version: SCHEMA_VERSION, stability: Vec::new(), escape: None };
        folder.write_json(THEORY, &theory).unwrap();
        assert_eq!(known(&folder).unwrap(), Some(theory));
        let other = format!("{{\"schema_version\":{},\"words\":[]}}", SCHEMA_VERSION + 1);
        folder.write(THEORY, other.as_bytes()).unwrap();
        assert_eq!(known(&folder).unwrap(), None);
        let older = format!("{{\"schema_version\":{SCHEMA_VERSION}}}");
        folder.write(THEORY, older.as_bytes()).unwrap();
        assert_eq!(known(&folder).unwrap(), None);
        folder.write(THEORY, b"{").unwrap();
        assert!(matches!(known(&folder), Err(Error::Damaged { .. })));
    }
}
