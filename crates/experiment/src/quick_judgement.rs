//! The thresholds and the verdict at the learning rate of a run, in a few seconds.

use std::sync::atomic::AtomicBool;

use minimascope_record::reproduction::Judged;
use minimascope_stability::{Batching, LearningRate};

use crate::Error;
use crate::progress::Progress;
use crate::stability::{Minimum, Wanted, Watch, assumed, law, not_settled};

/// The thresholds at one batch size, and the verdict at the run's own learning rate. It computes no
/// certificate and does not raise the rank of the factors; [`Minimum::ask`] does both. `None` when
/// interrupted.
///
/// # Errors
/// [`Error::Stability`] for a batch size outside 1 to n.
pub fn quick_judgement(
    minimum: &Minimum<'_>,
    batch_size: usize,
    progress: &mut dyn Progress,
    interrupt: &AtomicBool,
) -> Result<Option<Judged>, Error> {
    let mut watch = Watch { progress, interrupt };
    let config = minimum.plan().config().train.clone();
    let sampling = assumed(config.sampling);
    let batching = Batching::new(minimum.plan().train().len(), batch_size, law(sampling))?;
    let wanted = Wanted::of_plain_sgd(true);
    let critical = minimum.critical(&batching, &wanted, &mut watch)?;
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
