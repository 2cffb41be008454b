//! What the theory says of a minimum of the study, and what a launch from it does.

use std::sync::atomic::AtomicBool;

use minimascope_record::SCHEMA_VERSION;
use minimascope_record::escape::Fate;
use minimascope_record::outcome::Outcome;
use minimascope_record::reproduction::{Judged, Theory};
use minimascope_record::run::RunSummary;
use minimascope_stability::{Batching, LearningRate};

use crate::Error;
use crate::escape::{Launch, Place, escape};
use crate::folder::RunFolder;
use crate::measure::target::Target;
use crate::progress::Progress;
use crate::run::{Existing, Options};
use crate::stability::{Minimum, Wanted, Watch, assumed, law, not_settled};

/// The answer, in the run's folder.
const FILE: &str = "theory.json";
/// The study's batch size of an SGD that leaves.
const SMALL_BATCH: usize = 4;
/// It leaves within 40 steps, and has settled by these.
const STEPS: u64 = 500;

/// Computed once for a run, then read from its folder: `Some(None)` for a run without a minimum,
/// `None` when interrupted.
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
    if folder.has(FILE)
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
        let mut watch = Watch { progress: &mut *progress, interrupt };
        let Some(judged) = judge(&mut minimum, size, &mut watch)? else { return Ok(None) };
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
    folder.write_json(FILE, &theory)?;
    Ok(Some(Some(theory)))
}

/// The answer in a run's folder; `None` when it is of another version of the schema, whose words may
/// mean something else, or has not all of today's: it is computed again.
fn known(folder: &RunFolder) -> Result<Option<Theory>, Error> {
    #[derive(serde::Deserialize)]
    struct Version {
        schema_version: u32,
    }
    let Version { schema_version } = folder.read_json(FILE)?;
    Ok(if schema_version == SCHEMA_VERSION { folder.read_json(FILE).ok() } else { None })
}

/// The criteria at one batch size with the run's η, as far as a few seconds take them: neither
/// certificates nor more directions than the first; `stability RUN` goes on. `None` when
/// interrupted.
fn judge(
    minimum: &mut Minimum<'_>,
    batch_size: usize,
    watch: &mut Watch<'_>,
) -> Result<Option<Judged>, Error> {
    let config = minimum.plan().config().train.clone();
    let sampling = assumed(config.sampling);
    let batching = Batching::new(minimum.plan().train().len(), batch_size, law(sampling))?;
    let wanted = Wanted::of_plain_sgd(true);
    let critical = minimum.critical(&batching, &wanted, watch)?;
    if watch.is_interrupted() {
        return Ok(None);
    }
    let rate = LearningRate::new(config.learning_rate)?;
    let (verdict, margin) = minimum.judge(&critical.exact, rate)?;
    let used = minimum.used_at(Some(batch_size), config.sampling);
    let mut notes = minimum.notes(sampling, used)?;
    notes.extend(not_settled(&critical.exact));
    notes.extend(minimum.directions_left_out(wanted.momentum));
    Ok(Some(Judged {
        learning_rate: config.learning_rate,
        batch_size,
        critical_learning_rate: critical,
        verdict,
        margin,
        notes,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_another_version_is_not_known() {
        let directory = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(directory.path().to_owned());
        let theory = Theory { schema_version: SCHEMA_VERSION, stability: Vec::new(), escape: None };
        folder.write_json(FILE, &theory).unwrap();
        assert_eq!(known(&folder).unwrap(), Some(theory));
        let other = format!("{{\"schema_version\":{},\"words\":[]}}", SCHEMA_VERSION + 1);
        folder.write(FILE, other.as_bytes()).unwrap();
        assert_eq!(known(&folder).unwrap(), None);
        let older = format!("{{\"schema_version\":{SCHEMA_VERSION}}}");
        folder.write(FILE, older.as_bytes()).unwrap();
        assert_eq!(known(&folder).unwrap(), None);
        folder.write(FILE, b"{").unwrap();
        assert!(matches!(known(&folder), Err(Error::Damaged { .. })));
    }
}
