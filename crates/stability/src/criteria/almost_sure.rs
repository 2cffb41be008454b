//! The almost-sure threshold: where the Lyapunov exponent of Π(I − ηH_B) changes its sign.
//!
//! γ(η) = lim (1/t) log|x_t| on range(H) exists and is the same for almost every sequence of batches
//! (Furstenberg & Kesten 1960). By Jensen 2γ ≤ log ρ(Q), so mean-square stable implies almost surely
//! stable and η* is where the search starts; the converse fails: between the two thresholds almost
//! every trajectory returns while the mean square, carried by rare ones, explodes.
//!
//! The same batches and starts are used at every η (common random numbers), so that the estimate of
//! γ is one function of η, whose root is found by a bracketed secant rule. γ need not be monotone: the
//! root reported is the one next to a bracket grown from η* in small steps, and others may lie above.
//!
//! γ is a limit, and far below it flat directions that decay at 1 − ηh ≈ 1 a step look like growth to
//! come: in the norm |x| and from a random start, a few hundred steps in some hundred directions
//! see nothing else, and the threshold comes out too high. So the growth is that of ‖H^{1/2}x‖, the
//! root of the loss, from the direction that grows first; and the two halves of the steps must agree.

use std::ops::ControlFlow;

use minimascope_record::threshold::{CriterionName, Evidence, Proves};
use minimascope_record::training::Sampling;

use crate::criterion::{
    Criterion, FoundThreshold, SearchProgress, Simulation, ThresholdSetting, WithMomentum,
};
use crate::simulation::{Dynamics, Ensemble, Exponent, lyapunov_exponent_along};
use crate::{Batching, Error, ExampleFactors, LearningRate, Momentum};

pub(super) const CRITERION: Criterion = Criterion {
    name: CriterionName::ALMOST_SURE,
    title: "almost sure",
    proves: Proves::Nothing,
    source: "Furstenberg & Kesten 1960",
    with_momentum: WithMomentum::Known,
    find,
};

/// Trajectories of an exponent.
pub const TRAJECTORIES: usize = 16;
/// Multiply–adds that one value of the Lyapunov exponent may cost, a second or so; the threshold
/// takes some ten of them.
const EXPONENT_WORK: f64 = 2e9;
/// More steps than this take longer than their multiply–adds say, and are not needed: twenty epochs
/// of single examples know the thresholds of the study's networks to 2 %.
const MOST_STEPS: usize = 20_000;
/// Fewer steps than this, and the halves of a path would be too short to compare.
pub const FEWEST_STEPS: usize = 60;
/// No simulation has fewer directions than this, where there are so many.
pub const FEWEST_DIRECTIONS: usize = 50;
/// The largest rank of a simulation: the top exponent lives in the leading directions.
pub const MOST_DIRECTIONS: usize = 400;

/// In as many directions as η* needs, or in as many as the work allows; `None` where no direction
/// grows, where even few would take too long, and where γ does not change with η at its root, so that
/// nothing tells the error.
fn find(at: &mut ThresholdSetting<'_>) -> Result<Option<FoundThreshold>, Error> {
    let simulation = at.effort.simulation;
    let ensemble = |batching: &Batching, shape| match simulation {
        Simulation::None => None,
        Simulation::Affordable => affordable_ensemble(batching, shape),
        Simulation::Of(ensemble) => Some(ensemble),
    };
    if matches!(simulation, Simulation::None) {
        return Ok(None);
    }
    let (factors, batching, exact) = (at.factors, at.batching, at.exact);
    let known = factors.rank();
    let found = |learning_rate, standard_error, converged, rank| {
        let evidence = Evidence::Simulation { standard_error, converged, rank };
        Ok(Some(FoundThreshold { learning_rate, bracket: None, evidence, remark: None }))
    };
    if batching.noise() == 0.0 {
        // The product of equal matrices: both thresholds are gradient descent's.
        return found(exact.estimate, 0.0, true, known);
    }
    let tolerance = at.effort.exact.tolerance;
    let enough = exact
        .ranks
        .iter()
        .find(|tried| (tried.critical_learning_rate / exact.estimate - 1.0).abs() < tolerance);
    let rank = enough.map_or(known, |tried| tried.rank).min(MOST_DIRECTIONS);
    let outputs = factors.outputs();
    let halved = std::iter::successors(Some(rank), |rank| Some(rank / 2));
    let mut affordable = halved
        .take_while(|tried| *tried >= rank.min(FEWEST_DIRECTIONS))
        .filter_map(|rank| Some((rank, ensemble(&batching, (outputs, rank))?)));
    let Some((rank, ensemble)) = affordable.next() else { return Ok(None) };
    let start = SearchStart {
        learning_rate: LearningRate::new(exact.estimate)?,
        direction: exact.direction_in(rank),
    };
    let (warm_up, momentum) = (ensemble.steps / 10, at.momentum);
    let parameters = AlmostSureParameters { ensemble, warm_up, momentum };
    let mut show = |now: &AlmostSureProgress| {
        let (products, learning_rate) = (now.exponents, Some(now.learning_rate));
        let criterion = "almost-sure learning rate";
        (at.progress)(&SearchProgress { criterion, products, learning_rate })
    };
    match critical(&factors.truncated(rank), &batching, &start, &parameters, &mut show) {
        Ok(Some(at)) if at.standard_error.is_finite() => {
            found(at.value, at.standard_error, at.converged, rank)
        }
        // No learning rate tried lets it leave: no threshold is the answer.
        Ok(_) | Err(Error::NotBracketed { .. }) => Ok(None),
        Err(other) => Err(other),
    }
}

/// As many steps as the work allows of SGD in `rank` directions with `outputs` rows a factor; `None`
/// where they are too few.
pub fn affordable_ensemble(
    batching: &Batching,
    (outputs, rank): (usize, usize),
) -> Option<Ensemble> {
    let step = step_work(batching, (outputs, rank));
    let steps = (EXPONENT_WORK / step / TRAJECTORIES as f64) as usize;
    let steps = steps.min(MOST_STEPS);
    let seed = 0;
    (steps >= FEWEST_STEPS).then_some(Ensemble { trajectories: TRAJECTORIES, steps, seed })
}

/// Multiply–adds of a simulated step.
pub fn step_work(batching: &Batching, (outputs, rank): (usize, usize)) -> f64 {
    // A step takes the examples in the batch or those outside, whichever are fewer.
    let (inside, n) = (batching.batch_size(), batching.examples());
    let examples = match batching.sampling() {
        Sampling::WithReplacement => inside,
        _ => inside.min(n - inside).max(1),
    };
    (2 * examples * outputs * rank) as f64
}

/// How much to simulate.
#[derive(Clone, Copy, Debug)]
pub struct AlmostSureParameters {
    /// Trajectories, steps of each, seed.
    pub ensemble: Ensemble,
    /// Steps before the growth counts, for the direction to settle.
    pub warm_up: usize,
    /// β.
    pub momentum: Momentum,
}

impl Default for AlmostSureParameters {
    /// 16 trajectories of 2,000 steps after 100.
    fn default() -> Self {
        let ensemble = Ensemble { trajectories: 16, steps: 2000, seed: 0 };
        Self { ensemble, warm_up: 100, momentum: Momentum::NONE }
    }
}

/// Where the search starts.
#[derive(Clone, Debug)]
pub struct SearchStart {
    /// A learning rate known to be stable, such as η*.
    pub learning_rate: LearningRate,
    /// The direction that grows first, r numbers: the top eigenvector of the Perron matrix at η*.
    /// A random start needs hundreds of steps to find it among hundreds of directions.
    pub direction: Vec<f64>,
}

/// The almost-sure threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AlmostSureCritical {
    /// The critical η.
    pub value: f64,
    /// That of γ at the root, over the slope of γ there.
    pub standard_error: f64,
    /// Whether γ at the root is the same in both halves of the steps, within their errors.
    pub converged: bool,
}

/// One exponent of the search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AlmostSureProgress {
    /// Exponents simulated, this one included.
    pub exponents: usize,
    /// Its η.
    pub learning_rate: f64,
}

/// Factor between the learning rates tried while no change of sign is known.
const GROWTH: f64 = 1.1;
/// At most this many: 1.1^200 is 2e8 times the mean-square threshold.
const MOST_TRIED: usize = 200;
/// Where |γ| is below this share of its standard error, the threshold is off by as little.
const ROOT: f64 = 0.05;
/// Without noise γ is known to rounding, and the bracket closes to this.
const WIDTH: f64 = 1e-12;
/// The Illinois rule closes a bracket of 10 % to [`WIDTH`] in about ten exponents where γ is smooth;
/// near a singularity, where some 1 − ηλ(H_B) vanishes, it may need as many as bisection, 37.
const MOST_REFINEMENTS: usize = 40;

/// The critical η; `None` when `progress`, called after each exponent, breaks. Truncated
/// directions are fine: the top exponent lives in leading directions, but the result is an estimate
/// for those alone. Some ten exponents.
///
/// # Errors
/// [`Error::NotBracketed`], [`Error::Zero`], [`Error::Shape`].
pub fn critical(
    factors: &ExampleFactors,
    batching: &Batching,
    start: &SearchStart,
    parameters: &AlmostSureParameters,
    progress: &mut dyn FnMut(&AlmostSureProgress) -> ControlFlow<()>,
) -> Result<Option<AlmostSureCritical>, Error> {
    let mut exponents = 0;
    let found = search(start.learning_rate.value(), &mut |eta| {
        let learning_rate = LearningRate::new(eta)?;
        let momentum = parameters.momentum;
        let dynamics = Dynamics { batching: *batching, learning_rate, momentum };
        let (ensemble, warm_up) = (&parameters.ensemble, parameters.warm_up);
        let direction = &start.direction;
        let found = lyapunov_exponent_along(factors, &dynamics, ensemble, warm_up, direction)?;
        exponents += 1;
        match progress(&AlmostSureProgress { exponents, learning_rate: eta }) {
            ControlFlow::Continue(()) => Ok(found),
            ControlFlow::Break(()) => Err(SearchEnd::Interrupted),
        }
    });
    match found {
        Ok(found) => Ok(Some(found)),
        Err(SearchEnd::Interrupted) => Ok(None),
        Err(SearchEnd::Failed(error)) => Err(error),
    }
}

enum SearchEnd {
    Interrupted,
    Failed(Error),
}

impl From<Error> for SearchEnd {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// The root of `exponent` next to `stable`.
fn search(
    stable: f64,
    exponent: &mut dyn FnMut(f64) -> Result<Exponent, SearchEnd>,
) -> Result<AlmostSureCritical, SearchEnd> {
    // A share below η*, where the exponent is negative by a margin: in the limit, if not after
    // these steps.
    let first = stable / GROWTH;
    let mut low = (first, exponent(first)?.value);
    let factor = if low.1 > 0.0 { 1.0 / GROWTH } else { GROWTH };
    let mut high = low;
    for tried in 0.. {
        if tried == MOST_TRIED {
            let (learning_rate, exponent) = high;
            return Err(Error::NotBracketed { learning_rate, exponent }.into());
        }
        let next = high.0 * factor;
        (low, high) = (high, (next, exponent(next)?.value));
        if (low.1 > 0.0) != (high.1 > 0.0) {
            break;
        }
    }
    if low.0 > high.0 {
        (low, high) = (high, low);
    }
    let step = 0.1 * (high.0 - low.0);
    let (value, found) = root((low, high), exponent)?;
    let slope = (exponent(value + step)?.value - exponent(value - step)?.value) / (2.0 * step);
    Ok(AlmostSureCritical {
        value,
        standard_error: found.standard_error / slope.abs(),
        converged: found.is_settled(),
    })
}

/// Regula falsi by the Illinois rule: an end that stays twice counts half.
fn root(
    (mut low, mut high): ((f64, f64), (f64, f64)),
    exponent: &mut dyn FnMut(f64) -> Result<Exponent, SearchEnd>,
) -> Result<(f64, Exponent), SearchEnd> {
    let mut stayed = 0;
    let mut refinements = 0;
    loop {
        let share = low.1 / (low.1 - high.1);
        // An exponent of −∞, where a step meets 0 exactly, has no chord.
        let share = if share > 0.0 && share < 1.0 { share } else { 0.5 };
        let value = low.0 + share * (high.0 - low.0);
        let found = exponent(value)?;
        refinements += 1;
        let arrived = found.value.abs() <= ROOT * found.standard_error
            || high.0 - low.0 <= WIDTH * value
            || refinements == MOST_REFINEMENTS;
        if arrived {
            return Ok((value, found));
        }
        if found.value > 0.0 {
            high = (value, found.value);
            if stayed < 0 {
                low.1 *= 0.5;
            }
            stayed = -1;
        } else {
            low = (value, found.value);
            if stayed > 0 {
                high.1 *= 0.5;
            }
            stayed = 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::lyapunov_exponent;

    const SCHEME: Sampling = Sampling::IndependentBatches;

    fn start(eta: f64, direction: Vec<f64>) -> SearchStart {
        SearchStart { learning_rate: LearningRate::new(eta).unwrap(), direction }
    }

    fn long(trajectories: usize, steps: usize) -> AlmostSureParameters {
        let ensemble = Ensemble { trajectories, steps, seed: 1 };
        AlmostSureParameters { ensemble, warm_up: 0, momentum: Momentum::NONE }
    }

    fn found(
        factors: &ExampleFactors,
        batching: &Batching,
        start: &SearchStart,
        parameters: &AlmostSureParameters,
    ) -> AlmostSureCritical {
        let go = &mut |_: &_| ControlFlow::Continue(());
        critical(factors, batching, start, parameters, go).unwrap().unwrap()
    }

    /// One parameter, curvatures 0.2 and 3.8: E log|1 − ηh| = 0 at η = 0.5594…, computed here by
    /// bisection of the closed form. And with a batch of everything the threshold of gradient descent.
    #[test]
    fn closed_form_in_one_dimension() {
        let factors = ExampleFactors::from_hessians(2, 1, &[0.2, 3.8]).unwrap();
        let batching = Batching::new(2, 1, SCHEME).unwrap();
        let parameters = long(50, 2000);
        let at = found(&factors, &batching, &start(0.55, vec![1.0]), &parameters);
        let exponent = |eta: f64| (1.0 - 0.2 * eta).abs().ln() + (1.0 - 3.8 * eta).abs().ln();
        let threshold = bisection(0.55, 0.6, exponent);
        let distance = (at.value - threshold).abs() / at.standard_error;
        assert!(distance < 4.0, "{at:?} against {threshold}");
        assert!(at.standard_error < 5e-4 && at.converged, "{at:?}");
        let all = batching.with_batch_size(2).unwrap();
        let at = found(&factors, &all, &start(0.9, vec![1.0]), &parameters);
        assert!((at.value - 1.0).abs() < 1e-9 && at.converged, "{at:?}");
    }

    fn bisection(mut low: f64, mut high: f64, exponent: impl Fn(f64) -> f64) -> f64 {
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if exponent(middle) > 0.0 { high = middle } else { low = middle }
        }
        0.5 * (low + high)
    }

    /// Six examples of 200 diagonal curvatures that fall as 1/j, B = 3: each direction is a product
    /// of numbers, whose exponent is a mean over the 20 batches, and the threshold the least root.
    fn commuting() -> (ExampleFactors, Batching, f64) {
        let (n, p, size) = (6, 200, 3);
        let curvature =
            |i: usize, j: usize| (1.0 + 0.2 * ((i * 7 + j * 3) % 6) as f64) / (j + 1) as f64;
        let mut hessians = vec![0.0; n * p * p];
        for (i, hessian) in hessians.chunks_exact_mut(p * p).enumerate() {
            for j in 0..p {
                hessian[j * p + j] = curvature(i, j);
            }
        }
        let factors = ExampleFactors::from_hessians(n, p, &hessians).unwrap();
        let batches: Vec<Vec<usize>> = (0u32..1 << n)
            .filter(|set| set.count_ones() == size)
            .map(|set| (0..n).filter(|i| set >> i & 1 == 1).collect())
            .collect();
        assert_eq!(batches.len(), 20);
        let exponent = |j: usize, eta: f64| -> f64 {
            let factor = |batch: &Vec<usize>| {
                let mean = batch.iter().map(|i| curvature(*i, j)).sum::<f64>() / size as f64;
                (1.0 - eta * mean).abs().ln()
            };
            batches.iter().map(factor).sum::<f64>() / 20.0
        };
        // Every direction is stable at η = 1 and the sharpest is not at 2.
        let largest = |eta: f64| (0..p).map(|j| exponent(j, eta)).fold(f64::MIN, f64::max);
        let threshold = bisection(1.0, 2.0, largest);
        (factors, Batching::new(n, size as usize, SCHEME).unwrap(), threshold)
    }

    /// At every batch size of the study's networks something is simulated.
    #[test]
    fn every_batch_size_has_an_ensemble() {
        for (outputs, size) in (1..=1000).flat_map(|size| [(2, size), (10, size)]) {
            let batching = Batching::new(1000, size, SCHEME).unwrap();
            let found = affordable_ensemble(&batching, (outputs, 100)).unwrap();
            assert!((FEWEST_STEPS..=MOST_STEPS).contains(&found.steps), "{size}: {found:?}");
        }
    }

    /// Sixty steps, as large batches allow.
    #[test]
    fn few_steps_in_many_directions_are_not_biased() {
        let (factors, batching, threshold) = commuting();
        let mut direction = vec![0.0; factors.rank()];
        direction[0] = 1.0;
        let at = found(&factors, &batching, &start(0.9 * threshold, direction), &long(64, 60));
        let distance = (at.value - threshold).abs() / at.standard_error;
        assert!(distance < 4.0 && at.converged, "{at:?} against {threshold}");
        assert!(at.standard_error < 0.02 * threshold, "{at:?}");
    }

    /// A start without what grows: the halves do not agree, and the answer says so.
    #[test]
    fn a_transient_is_not_converged() {
        let (factors, batching, _) = commuting();
        let mut direction = vec![0.0; factors.rank()];
        direction[150] = 1.0;
        let at = found(&factors, &batching, &start(1.0, direction), &long(64, 60));
        assert!(!at.converged, "{at:?}");
    }

    #[test]
    fn the_search_stops_when_told() {
        let factors = ExampleFactors::from_hessians(2, 1, &[0.2, 3.8]).unwrap();
        let batching = Batching::new(2, 1, SCHEME).unwrap();
        let mut seen = 0;
        let stopped =
            critical(&factors, &batching, &start(0.55, vec![1.0]), &long(4, 10), &mut |at| {
                seen = at.exponents;
                if seen == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
        assert_eq!((stopped.unwrap(), seen), (None, 3));
    }

    /// Jensen: 2γ(η*) ≤ log ρ(Q(η*)) = 0, within the error.
    #[test]
    fn mean_square_stable_is_almost_surely_stable() {
        for seed in 0..10 {
            let factors = crate::problems::RandomProblem::new(seed).factors();
            let batching = Batching::new(factors.examples(), 1, SCHEME).unwrap();
            let ratio = crate::mean_square::largest_ratio(&factors, 1.0, Momentum::NONE, 1e-9);
            let learning_rate = LearningRate::new(2.0 / ratio.unwrap().value).unwrap();
            let dynamics = Dynamics { batching, learning_rate, momentum: Momentum::NONE };
            let ensemble = Ensemble { trajectories: 20, steps: 500, seed };
            let exponent = lyapunov_exponent(&factors, &dynamics, &ensemble, 50).unwrap();
            assert!(exponent.value <= 4.0 * exponent.standard_error + 1e-9, "{seed}: {exponent:?}");
        }
    }
}
