//! The exact mean-square threshold η*, with momentum too, as a bracket.
//!
//! Independent batches, H_i ⪰ 0. Q(S) = S − 2ηC(S) + η²D(S) is self-adjoint and preserves the
//! positive cone, so its spectral radius is its largest eigenvalue, and on range(H) E|x_t|² stays
//! bounded exactly when η²D ⪯ 2ηC, that is η ≤ η* = 2/λ_max(C⁺D).
//! Source: Mulayoff & Michaeli 2024 (arXiv 2306.07850).
//!
//! **Momentum.** For v' = βv − ηH_Bx, x' = x + v', let X = E xxᵀ, Y = E xvᵀ, V = E vvᵀ. At the
//! first η where the spectral radius of the map on (X, Y, V) reaches 1, the number 1 is an
//! eigenvalue (the map preserves a cone) with a positive semi-definite fixed point. Fixed points
//! satisfy, in H's eigenbasis, Y_ab = η(h_a − βh_b)X_ab/(1−β²), V_ab = η(h_a + h_b)X_ab/(1+β), and
//! then V = β²V − ηβ(HY + YᵀH) + η²D(X) becomes
//!
//! 2(1−β) C(X) = η D_β(X), D_β(X)_ab = D(X)_ab − β/(1−β²)·(h_a² + h_b² − 2βh_ah_b) X_ab.
//!
//! So η*_β = 2(1−β)/λ_max(C⁺D_β): the same eigenproblem with another diagonal, no bisection. β = 0
//! is the case above; at p = 0 the largest eigenvalue is a(1−β)/(1+β), so η* = 2(1+β)/a, the
//! heavy-ball threshold. Derived here; [`super::MomentumMap`] checks it.
//!
//! **In the blocks.** That eigenproblem has one of n blocks of K × K numbers behind it, from which it
//! is solved (`feedback.rs`) and its lower end proved (`collatz.rs`).
//!
//! **Truncation.** Restricting S to the leading r eigenvectors of H compresses the symmetric
//! C^{-1/2}D_βC^{-1/2}, so it gives a lower bound of λ_max and an upper bound of η*. When the factors
//! cover range(H), r grows to all of it and nothing is left out.

use std::ops::ControlFlow;

use minimascope_record::threshold::{LowerBy, RankStop, RankValue};

use super::certificate::{certify, theorem_one_holds};
use super::climb::{Begin, balance, climb};
use super::feedback::{Feedback, Unknown};
use super::packed::Packed;
use super::parameters::{CriticalParameters, CriticalProgress, all_known};
use super::second_moment::SecondMomentMap;
use super::theorem_one;
use crate::eigen::leading;
use crate::{Batching, Error, ExampleFactors, Momentum};

/// η* as a bracket with its estimate.
#[derive(Clone, Debug)]
pub struct MeanSquareCritical {
    /// SGD is stable in mean square at every η below: proved (0 when [`LowerBy::None`]).
    pub lower: f64,
    /// By which argument.
    pub lower_by: LowerBy,
    /// The value in the largest space tried; never below the true one.
    pub estimate: f64,
    /// SGD is unstable in mean square above: a Rayleigh quotient proves it, converged or not.
    pub upper: f64,
    /// Theorem 1's critical learning rate; 0 with momentum.
    pub theorem_one: f64,
    /// Every rank tried with its value, in order; the last is `estimate`.
    pub ranks: Vec<RankValue>,
    /// Why no larger rank was tried.
    pub stop: RankStop,
    /// Relative residual of the last eigenproblem.
    pub relative_residual: f64,
    /// Whether that residual met its tolerance.
    pub converged: bool,
    /// Applications of the map, all ranks and the proof together.
    pub products: usize,
    /// With S the second moment that grows first, the n blocks A_iSA_iᵀ, of norm 1 together. Empty
    /// without noise.
    pub blocks: Vec<f64>,
    /// An approximate top eigenvector of S in the leading eigenvectors of H, of norm 1.
    pub direction: Vec<f64>,
}

impl MeanSquareCritical {
    /// The top eigenvector of the second moment that grows first, in `rank` leading directions.
    pub fn direction_in(&self, rank: usize) -> Vec<f64> {
        let mut direction = self.direction.clone();
        direction.resize(rank, 0.0);
        direction
    }
}

/// Up to this rank X = I is tried where the proof on the blocks got less far than Theorem 1: a second
/// or two.
const MOST_FOR_CHOLESKY: usize = 3_000;

/// The bracket of η* for n examples in batches of B.
///
/// # Errors
/// [`Error::Shape`] when `batching` is for another n; those of the eigensolver.
pub fn critical(
    factors: &ExampleFactors,
    batching: &Batching,
    parameters: &CriticalParameters,
    progress: &mut dyn FnMut(&CriticalProgress) -> ControlFlow<()>,
) -> Result<MeanSquareCritical, Error> {
    let noise = batching.noise();
    let mut found = search(factors, batching, Begin::InFewDirections, parameters, progress)?;
    if parameters.momentum == Momentum::NONE && found.stop != RankStop::Interrupted {
        let sufficient = theorem_one::critical(factors, batching)?;
        found.products += sufficient.largest.products;
        found.theorem_one = sufficient.critical_learning_rate;
        if !factors.covers_range() && noise > 0.0 {
            bound_from_below(factors, noise, parameters, &mut found)?;
        } else if found.lower < found.theorem_one && factors.rank() <= MOST_FOR_CHOLESKY {
            let (bound, spent) = theorem_one_holds(factors, noise, 2.0 / found.theorem_one)?;
            found.products += spent;
            if 2.0 / bound > found.lower {
                found.lower = (2.0 / bound).min(found.upper);
                found.lower_by = LowerBy::Theorem1;
            }
        }
    }
    Ok(found)
}

/// η* from above, in all directions of the factors at once and with no lower end: for problems that
/// differ little from each other. `near` are n blocks A_iSA_iᵀ of one of them, as
/// [`MeanSquareCritical::blocks`] has them; no cone of directions may be missing there, since what the
/// start does not reach the search does not find.
///
/// # Errors
/// As [`critical`], and [`Error::Shape`] when `near` are not n blocks.
pub fn critical_near(
    factors: &ExampleFactors,
    batching: &Batching,
    near: &[f64],
    parameters: &CriticalParameters,
    progress: &mut dyn FnMut(&CriticalProgress) -> ControlFlow<()>,
) -> Result<MeanSquareCritical, Error> {
    let (expected, found) = (factors.blocks().len(), near.len());
    if expected != found {
        return Err(Error::Shape { what: "the blocks of the start", expected, found });
    }
    let parameters = CriticalParameters { proof_steps: 0, ..parameters.clone() };
    search(factors, batching, Begin::Near(near), &parameters, progress)
}

fn search(
    factors: &ExampleFactors,
    batching: &Batching,
    begin: Begin<'_>,
    parameters: &CriticalParameters,
    progress: &mut dyn FnMut(&CriticalProgress) -> ControlFlow<()>,
) -> Result<MeanSquareCritical, Error> {
    if factors.examples() != batching.examples() {
        let (expected, found) = (factors.examples(), batching.examples());
        return Err(Error::Shape { what: "the batching", expected, found });
    }
    match batching.noise() {
        0.0 => Ok(without_noise(factors, parameters.momentum)),
        noise => with_noise(factors, noise, begin, parameters, progress),
    }
}

/// 2(1+β)/a. The tail is a bound on what is left out, so the largest curvature is known either way.
fn without_noise(factors: &ExampleFactors, momentum: Momentum) -> MeanSquareCritical {
    let descent_threshold = |curvature: f64| 2.0 * (1.0 + momentum.value()) / curvature;
    let upper = descent_threshold(factors.sharpness());
    let lower = descent_threshold(factors.sharpness().max(factors.tail()));
    let mut direction = vec![0.0; factors.rank()];
    direction[0] = 1.0;
    MeanSquareCritical {
        lower,
        lower_by: if lower > 0.0 { LowerBy::Sharpness } else { LowerBy::None },
        estimate: upper,
        upper,
        theorem_one: 0.0,
        ranks: vec![RankValue { rank: factors.rank(), critical_learning_rate: upper }],
        stop: all_known(factors),
        relative_residual: 0.0,
        converged: true,
        products: 0,
        blocks: Vec::new(),
        direction,
    }
}

fn with_noise(
    factors: &ExampleFactors,
    noise: f64,
    begin: Begin<'_>,
    parameters: &CriticalParameters,
    progress: &mut dyn FnMut(&CriticalProgress) -> ControlFlow<()>,
) -> Result<MeanSquareCritical, Error> {
    let found = climb(factors, (Unknown::InverseRate, noise), begin, parameters, progress)?;
    let value = 1.0 / found.value;
    // Rounding must not turn the bracket round.
    let lower = (1.0 / found.proved).min(value);
    let lower_by = if lower > 0.0 { LowerBy::Certificate } else { LowerBy::None };
    Ok(MeanSquareCritical {
        lower,
        lower_by,
        estimate: value,
        upper: value,
        theorem_one: 0.0,
        ranks: found.ranks,
        stop: found.stop,
        relative_residual: found.relative_residual,
        converged: found.converged,
        products: found.products,
        blocks: found.blocks,
        direction: found.direction,
    })
}

/// The lower end for truncated factors: Theorem 1 if its condition is met by the bounded tail too,
/// or a certificate.
fn bound_from_below(
    factors: &ExampleFactors,
    noise: f64,
    parameters: &CriticalParameters,
    found: &mut MeanSquareCritical,
) -> Result<(), Error> {
    let rank = factors.rank().min(parameters.certificate_rank.max(parameters.first_rank));
    let part = factors.truncated(rank);
    let ceiling = 2.0 / found.theorem_one;
    let (bound, spent) = theorem_one_holds(&part, noise, ceiling)?;
    found.products += spent;
    if bound.is_finite() {
        (found.lower, found.lower_by) = ((2.0 / bound).min(found.upper), LowerBy::Theorem1);
    }
    if parameters.certificate_rank == 0 {
        return Ok(());
    }
    let mut feedback = Feedback::new(&part, Momentum::NONE);
    feedback.set(Unknown::Noise, noise);
    let mut blocks = found.blocks.clone();
    let quiet = &mut |_, _| ControlFlow::Continue(());
    let how = (part.outputs(), parameters.eigen_tolerance);
    let here = balance(&mut feedback, Unknown::InverseRate, &mut blocks, how, quiet)?;
    feedback.set(Unknown::InverseRate, here.value);
    let perron = feedback.second_moment();
    let certificate = certify(&part, noise, (2.0 / found.upper, &perron), bound)?;
    found.products += here.products + certificate.applications;
    if 2.0 / certificate.bound > found.lower {
        found.lower = (2.0 / certificate.bound).min(found.upper);
        found.lower_by = LowerBy::Certificate;
    }
    Ok(())
}

/// λ_max(C⁺D_β) on all directions by Lanczos on r × r matrices: the plain form, to a tight residual
/// and without a bracket. The reference that [`critical`] is tested against.
///
/// # Errors
/// Of the eigensolver.
pub fn largest_ratio(
    factors: &ExampleFactors,
    noise: f64,
    momentum: Momentum,
    tolerance: f64,
) -> Result<crate::Leading, Error> {
    let h = factors.curvatures();
    // H: positive definite, so never orthogonal to the Perron matrix.
    let mut start = vec![0.0; h.len() * h.len()];
    start.iter_mut().step_by(h.len() + 1).zip(h).for_each(|(s, h)| *s = *h);
    let start = super::packed::pack(&start, h);
    let mut map = SecondMomentMap::new(factors, noise);
    leading(&mut Packed::new(&mut map, momentum.value()), tolerance, Some(&start))
}
