//! From the theory's answers to records.

use minimascope_record::measured::finite;
use minimascope_record::stability as record;
use minimascope_stability::almost_sure::AlmostSureCritical;
use minimascope_stability::answers::{Bracket, CriticalLearningRates, Note, Verdict};
use minimascope_stability::criteria::{heavy_ball, worst::WorstBatch};
use minimascope_stability::mean_square::{LowerSource, MeanSquareCritical, RankStop};
use minimascope_stability::{Error, LearningRate, Momentum};

/// All criteria at one batch size. `covers` says whether the factors leave nothing out.
pub(crate) fn critical(
    found: &CriticalLearningRates,
    covers: bool,
) -> Result<record::CriticalLearningRate, Error> {
    let bounds = [found.bounds.top_direction, found.bounds.isotropic, found.bounds.best_direction];
    let plain = found.momentum == Momentum::NONE;
    let rank = found.exact.ranks.last().map_or(1, |last| last.rank);
    Ok(record::CriticalLearningRate {
        theorem1: plain.then_some(found.exact.theorem_one),
        rectangle: found.rectangle.critical_learning_rate(),
        exact: threshold(&found.exact, &found.bracket(), covers),
        // The bounds are of plain SGD.
        bounds: if plain { bounds.into_iter().filter_map(finite).collect() } else { Vec::new() },
        almost_sure: found.almost_sure.and_then(|found| almost_sure(&found, rank)),
        gradient_descent: heavy_ball::critical(found.sharpness, found.momentum)?,
        decoupled: found.decoupled,
        worst_example: found.worst_example,
        worst_batch: found.worst_batch.as_ref().map(worst_batch),
    })
}

/// The almost-sure threshold of `rank` directions; `None` where γ does not change with η at its root, so
/// that nothing tells the error.
pub(crate) fn almost_sure(found: &AlmostSureCritical, rank: usize) -> Option<record::AlmostSure> {
    let AlmostSureCritical { value, standard_error, converged } = *found;
    let known = standard_error.is_finite();
    known.then_some(record::AlmostSure { value, standard_error, converged, rank })
}

/// The sharpest batch drawn.
pub(crate) fn worst_batch(found: &WorstBatch) -> record::WorstBatch {
    record::WorstBatch {
        critical_learning_rate: found.edge(),
        sharpness: found.sharpness,
        mean_sharpness: found.mean_sharpness,
        batches: found.batches,
    }
}

fn threshold(
    found: &MeanSquareCritical,
    bracket: &Bracket,
    covers: bool,
) -> record::ExactThreshold {
    let stop = match found.stop {
        RankStop::AllCoordinates if covers => record::RankStop::AllDirections,
        RankStop::AllCoordinates => record::RankStop::KnownDirections,
        RankStop::Converged => record::RankStop::Converged,
        RankStop::Memory => record::RankStop::Memory,
        RankStop::Interrupted => record::RankStop::Interrupted,
    };
    let settled = matches!(stop, record::RankStop::AllDirections | record::RankStop::Converged);
    let ranks = found.ranks.iter().map(|at| record::RankValue {
        rank: at.rank,
        critical_learning_rate: at.critical_learning_rate,
    });
    record::ExactThreshold {
        lower: bracket.lower,
        estimate: bracket.estimate,
        upper: bracket.upper,
        lower_by: match found.lower_source {
            LowerSource::TheoremOne => record::LowerBy::Theorem1,
            LowerSource::Certificate => record::LowerBy::Certificate,
            LowerSource::Sharpness => record::LowerBy::Sharpness,
            LowerSource::None => record::LowerBy::None,
        },
        ranks: ranks.collect(),
        stop,
        converged: settled && found.converged,
        relative_residual: found.relative_residual,
    }
}

pub(crate) fn verdict(verdict: Verdict) -> record::Verdict {
    match verdict {
        Verdict::Stays => record::Verdict::Stays,
        Verdict::Leaves => record::Verdict::Leaves,
        Verdict::NotDecided => record::Verdict::NotDecided,
    }
}

/// The verdict and the margin of a learning rate at a minimum of which nothing else is to be said.
pub(crate) fn judge(
    exact: &record::ExactThreshold,
    learning_rate: LearningRate,
) -> (record::Verdict, f64) {
    judge_at(exact, learning_rate, &[])
}

/// The verdict and the margin of a learning rate at a point of which `notes` are known.
pub(crate) fn judge_at(
    exact: &record::ExactThreshold,
    learning_rate: LearningRate,
    notes: &[Note],
) -> (record::Verdict, f64) {
    let bracket = Bracket { lower: exact.lower, estimate: exact.estimate, upper: exact.upper };
    let judgement = bracket.judge(learning_rate).at_a_point_with(notes);
    (verdict(judgement.verdict), judgement.margin)
}
