//! The one-dimensional example, exact.

use std::ops::ControlFlow;

use minimascope_record::SCHEMA_VERSION;
use minimascope_record::escape::{ToyEnd, ToyEscape, ToyFates, ToyMinimum};
use minimascope_record::threshold::{Bracket, mean_square};
use minimascope_record::training::Sampling;
use minimascope_stability::criterion::{Curvatures, Effort, Simulation};
use minimascope_stability::simulation::Ensemble;
use minimascope_stability::thresholds::thresholds;
use minimascope_stability::toy::{
    ToyPath, ToyPosition, ToyProblem, ToyRest, almost_sure_threshold,
};
use minimascope_stability::verdict::judge;
use minimascope_stability::{Batching, LearningRate};

use crate::Error;

/// A path has arrived at a minimum, or stayed, within this distance of it.
const ARRIVED: f64 = 1e-3;
/// A path has departed from x = 1 beyond this distance.
const DEPARTED: f64 = 0.1;
/// Curvatures from here
const LEAST_CURVATURE: f64 = 1e-6;
/// to here: 100,000 times either way of the paper's, and no square or quotient overflows.
const MOST_CURVATURE: f64 = 1e6;
/// Starts this far out: f is still finite there.
const MOST_START: f64 = 1e100;
/// A path is kept whole: 160 MB.
const MOST_STEPS: usize = 10_000_000;
/// A million steps: the standard error of the almost-sure threshold of the paper's pair is 8e-5.
const ENSEMBLE: Ensemble = Ensemble { trajectories: 40, steps: 25_000, seed: 0 };

/// What is launched; [`ToyLaunch::default`] is the paper's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ToyLaunch {
    /// Curvatures of f₁ and f₂ at x = 1.
    pub curvatures: [f64; 2],
    /// η.
    pub learning_rate: f64,
    /// How the one example of a step is drawn.
    pub sampling: Sampling,
    /// x₀.
    pub start: f64,
    /// Steps of each path.
    pub steps: usize,
    /// Paths of SGD, with the seeds 0, 1, ….
    pub seeds: u64,
}

impl Default for ToyLaunch {
    /// η = 0.7 and 500 steps from 1 + 1e-5, 1,000 seeds, independent batches.
    fn default() -> Self {
        Self {
            curvatures: ToyProblem::PAPER.curvatures(ToyPosition::One),
            learning_rate: 0.7,
            sampling: Sampling::IndependentBatches,
            start: 1.0 + 1e-5,
            steps: 500,
            seeds: 1_000,
        }
    }
}

/// The functions and the path of each optimiser.
#[derive(Clone, Debug, PartialEq)]
pub struct ToyPaths {
    /// The functions.
    pub toy: ToyProblem,
    /// Of gradient descent.
    pub gradient_descent: ToyPath,
    /// Of SGD with the first seed.
    pub sgd: ToyPath,
}

/// Both minima by every criterion at B = 1, and where the paths end.
///
/// # Errors
/// [`Error::Stability`] for curvatures or an η that are not positive, and for no steps or seeds.
pub fn launch(launch: &ToyLaunch) -> Result<(ToyEscape, ToyPaths), Error> {
    for (index, value) in launch.curvatures.into_iter().enumerate() {
        let (function, least, most) = (index + 1, LEAST_CURVATURE, MOST_CURVATURE);
        if !(least..=most).contains(&value) {
            return Err(Error::ToyCurvature { function, value, least, most });
        }
    }
    let toy = ToyProblem::new(launch.curvatures)?;
    let rate = LearningRate::new(launch.learning_rate)?;
    for (what, number) in
        [("the number of steps", launch.steps as u64), ("the number of seeds", launch.seeds)]
    {
        if number == 0 {
            return Err(minimascope_stability::Error::Zero(what).into());
        }
    }
    if launch.steps > MOST_STEPS {
        return Err(Error::ToySteps { steps: launch.steps, most: MOST_STEPS });
    }
    if launch.start.is_nan() || launch.start.abs() > MOST_START {
        return Err(Error::ToyStart { value: launch.start, most: MOST_START });
    }
    let sampling = launch.sampling;
    let minima = [ToyPosition::Zero, ToyPosition::One]
        .map(|minimum| minimum_of(&toy, minimum, rate, launch.sampling));
    let [zero, one] = minima;
    let gradient_descent = toy.gradient_descent(rate, launch.start, launch.steps);
    let mut sgd = None;
    let mut fates = ToyFates { seeds: launch.seeds, ..ToyFates::default() };
    let mut departures = Vec::new();
    for seed in 0..launch.seeds {
        let path = toy.sgd(rate, launch.start, launch.steps, (sampling, seed))?;
        *match end(&path) {
            ToyEnd::AtZero => &mut fates.at_zero,
            ToyEnd::AtOne => &mut fates.at_one,
            ToyEnd::Between => &mut fates.between,
            ToyEnd::Diverged => &mut fates.diverged,
        } += 1;
        departures
            .push(path.departure(ToyPosition::One, DEPARTED).map_or(u64::MAX, |at| at as u64));
        sgd.get_or_insert(path);
    }
    departures.sort_unstable();
    fates.median_departure =
        Some(departures[departures.len() / 2]).filter(|median| *median != u64::MAX);
    let record = ToyEscape {
        schema_version: SCHEMA_VERSION,
        curvatures: launch.curvatures,
        learning_rate: launch.learning_rate,
        batch_size: 1,
        sampling: launch.sampling,
        start: launch.start,
        steps: launch.steps as u64,
        minima: vec![zero?, one?],
        sgd: fates,
        gradient_descent: end(&gradient_descent),
        figure: None,
    };
    let sgd = sgd.unwrap_or_else(|| gradient_descent.clone());
    Ok((record, ToyPaths { toy, gradient_descent, sgd }))
}

fn minimum_of(
    toy: &ToyProblem,
    minimum: ToyPosition,
    rate: LearningRate,
    used: Sampling,
) -> Result<ToyMinimum, Error> {
    let factors = toy.factors(minimum)?;
    let batching = Batching::new(2, 1, used.independent())?;
    let curvatures = Curvatures::of(&factors)?;
    let effort = Effort { simulation: Simulation::Of(ENSEMBLE), ..Effort::default() };
    let mut silent = |_: &_| ControlFlow::Continue(());
    let found = thresholds(&factors, &curvatures, &batching, &effort, &mut silent)?;
    let found = found.expect("nothing interrupts it");
    let mut exact = mean_square(&found).expect("every list has it").clone();
    let closed = almost_sure_threshold(toy.curvatures(minimum));
    // An epoch in any order is one and the same product: the mean square has the threshold of every path.
    let in_epochs = used == Sampling::ReshuffledEpochs;
    if in_epochs {
        exact.learning_rate = closed;
        exact.bracket = Some(Bracket { lower: closed, upper: closed });
    }
    let judged = judge(&exact, rate, &[]);
    let (a, s, eta) = (curvatures.sharpness, curvatures.non_uniformity, rate.value());
    let [one, two] = toy.curvatures(minimum).map(|h| 1.0 - eta * h);
    let mean_square_growth = if in_epochs {
        (one * two).abs()
    } else {
        (1.0 - eta * a).powi(2) + batching.noise() * (eta * s).powi(2)
    };
    Ok(ToyMinimum {
        position: minimum.position(),
        sharpness: a,
        non_uniformity: s,
        thresholds: found,
        almost_sure_closed_form: closed,
        verdict: judged.verdict,
        margin: judged.margin,
        mean_square_growth,
    })
}

fn end(path: &ToyPath) -> ToyEnd {
    match path.rest(ARRIVED) {
        ToyRest::At(ToyPosition::Zero) => ToyEnd::AtZero,
        ToyRest::At(ToyPosition::One) => ToyEnd::AtOne,
        ToyRest::Between => ToyEnd::Between,
        ToyRest::Diverged => ToyEnd::Diverged,
    }
}

#[cfg(test)]
mod tests {
    use minimascope_record::stability::Verdict;
    use minimascope_record::threshold::{CriterionName, Evidence, by};

    use super::*;

    /// Between the thresholds of the mean and of every path, 0.552486 and 0.5595, an epoch in any
    /// order shrinks: every seed stays at x = 1, and so says the verdict.
    #[test]
    fn reshuffled_epochs_have_one_threshold() {
        let verdict = |learning_rate, sampling| {
            let launch = ToyLaunch { learning_rate, sampling, ..ToyLaunch::default() };
            let one = launch_of(&launch);
            (one.verdict, one.mean_square_growth > 1.0)
        };
        let (epochs, independent) = (Sampling::ReshuffledEpochs, Sampling::IndependentBatches);
        assert_eq!(verdict(0.558, epochs), (Verdict::Stays, false));
        assert_eq!(verdict(0.561, epochs), (Verdict::Leaves, true));
        assert_eq!(verdict(0.558, independent), (Verdict::Leaves, true));
    }

    /// The minimum x = 1.
    fn launch_of(settings: &ToyLaunch) -> ToyMinimum {
        launch(&ToyLaunch { seeds: 1, ..*settings }).unwrap().0.minima.swap_remove(1)
    }

    /// The numbers of the paper's pair, through the records.
    #[test]
    fn the_paper_s_pair() {
        let (record, paths) = launch(&ToyLaunch::default()).unwrap();
        let [zero, one] = &record.minima[..] else { panic!("two minima") };
        let at = |name| by(&one.thresholds, &name).unwrap();
        let exact = mean_square(&one.thresholds).unwrap();
        assert_eq!(format!("{:.6}", exact.learning_rate), "0.552486");
        assert_eq!(format!("{:.6}", at(CriterionName::RECTANGLE).learning_rate), "0.555556");
        let almost = at(CriterionName::ALMOST_SURE);
        assert!((almost.learning_rate - 0.5595).abs() < 2e-4, "{almost:?}");
        let Evidence::Simulation { standard_error, .. } = almost.evidence else { panic!() };
        let distance = (almost.learning_rate - one.almost_sure_closed_form).abs();
        assert!(distance < 4.0 * standard_error, "{almost:?}");
        assert!((at(CriterionName::GRADIENT_DESCENT).learning_rate - 1.0).abs() < 1e-12);
        assert_eq!((one.verdict, zero.verdict), (Verdict::Leaves, Verdict::Stays));
        assert!((one.mean_square_growth - 1.7476).abs() < 1e-12);
        assert_eq!((record.sgd.at_zero, record.sgd.seeds), (1_000, 1_000));
        assert_eq!(record.gradient_descent, ToyEnd::AtOne);
        assert_eq!(paths.sgd.positions.len(), 501);
    }

    #[test]
    fn what_has_no_meaning_is_refused() {
        for bad in [
            ToyLaunch { learning_rate: 0.0, ..ToyLaunch::default() },
            ToyLaunch { learning_rate: f64::NAN, ..ToyLaunch::default() },
            ToyLaunch { seeds: 0, ..ToyLaunch::default() },
        ] {
            assert!(matches!(launch(&bad), Err(Error::Stability(_))), "{bad:?}");
        }
        for value in [-0.2, 0.0, 1e300, f64::NAN] {
            let bad = ToyLaunch { curvatures: [1.0, value], ..ToyLaunch::default() };
            assert!(matches!(launch(&bad), Err(Error::ToyCurvature { function: 2, .. })));
        }
        for start in [f64::INFINITY, 1e300, f64::NAN] {
            let bad = ToyLaunch { start, ..ToyLaunch::default() };
            assert!(matches!(launch(&bad), Err(Error::ToyStart { .. })), "{bad:?}");
        }
    }
}
