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
//! heavy-ball edge. Derived here; [`super::MomentumMap`] checks it.
//!
//! **Truncation.** Restricting S to the leading r eigenvectors of H compresses the symmetric
//! C^{-1/2}D_βC^{-1/2}, so it gives a lower bound of λ_max and an upper bound of η*.

use std::ops::ControlFlow;

use super::certificate::certify;
use super::packed::{Packed, pack, unpack};
use super::second_moment::SecondMoment;
use crate::criteria::theorem_one;
use crate::eigen::leading;
use crate::{Batching, Error, ExampleFactors, Momentum};

/// How far to go.
#[derive(Clone, Debug)]
pub struct CriticalParameters {
    /// The rank is doubled until η* changes by less than this, relatively.
    pub tolerance: f64,
    /// Relative residual at which an eigenproblem stops; its square bounds the value's error.
    pub eigen_tolerance: f64,
    /// First rank.
    pub first_rank: usize,
    /// Bytes that the working arrays may take; the rank stops there.
    pub memory: u64,
    /// Whether to look for a lower bound above Theorem 1's: some hundred more applications.
    pub certificate: bool,
    /// The largest rank of a certificate: its Cholesky factors and right sides are dense.
    pub certificate_rank: usize,
    /// β.
    pub momentum: Momentum,
}

impl Default for CriticalParameters {
    /// 0.5 % in the rank from 100 on, 4 GiB, certificates up to rank 800.
    fn default() -> Self {
        Self {
            tolerance: 5e-3,
            eigen_tolerance: 1e-5,
            first_rank: 100,
            memory: 4 << 30,
            certificate: true,
            certificate_rank: 800,
            momentum: Momentum::NONE,
        }
    }
}

/// Which argument gave the lower end of the bracket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LowerSource {
    /// One-step contraction.
    TheoremOne,
    /// A positive definite X with D(X) ⪯ zC(X).
    Certificate,
    /// Nothing proved: momentum, or a tail that nothing bounds.
    None,
}

/// Where the doubling of the rank stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RankStop {
    /// The coordinates given are used in full.
    AllCoordinates,
    /// Doubling changed the value by less than the tolerance.
    Converged,
    /// The next rank did not fit into the memory allowed.
    Memory,
    /// The progress callback asked to stop.
    Interrupted,
}

/// One rank tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RankValue {
    /// r.
    pub rank: usize,
    /// 2(1−β)/λ_max in these r directions: an upper bound of η*.
    pub critical_learning_rate: f64,
}

/// η* as a bracket with its estimate.
#[derive(Clone, Debug)]
pub struct MeanSquareCritical {
    /// SGD is stable in mean square at every η below: proved (0 when [`LowerSource::None`]).
    pub lower: f64,
    /// By which argument.
    pub lower_source: LowerSource,
    /// The value in the largest space tried; never below the true one.
    pub estimate: f64,
    /// SGD is unstable in mean square above: a Rayleigh quotient proves it, converged or not.
    pub upper: f64,
    /// Theorem 1's critical learning rate, below `lower` or equal to it.
    pub theorem_one: f64,
    /// Every rank tried with its value, in order; the last is `estimate`.
    pub ranks: Vec<RankValue>,
    /// Why no larger rank was tried.
    pub stop: RankStop,
    /// Relative residual of the last eigenproblem.
    pub relative_residual: f64,
    /// Whether that residual met its tolerance.
    pub converged: bool,
    /// Products with the map, all ranks together, the certificate's applications included.
    pub products: usize,
    /// The Perron matrix S of the last rank, r × r, tr S = 1: the second moment that grows
    /// first, in the leading eigenvectors of H.
    pub perron: Vec<f64>,
}

/// What the search for η* is doing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CriticalProgress {
    /// The rank at work.
    pub rank: usize,
    /// Products at this rank.
    pub products: usize,
    /// The present value of η*.
    pub critical_learning_rate: f64,
}

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
    if factors.examples() != batching.examples() {
        let (expected, found) = (factors.examples(), batching.examples());
        return Err(Error::Shape { what: "the batching", expected, found });
    }
    let (noise, beta) = (batching.noise(), parameters.momentum.value());
    let mut found = climb(factors, noise, parameters, progress)?;
    if beta > 0.0 {
        return Ok(found);
    }
    let sufficient = theorem_one::critical(factors, batching)?;
    found.products += sufficient.largest.products;
    found.theorem_one = sufficient.critical_learning_rate;
    // Both are exact at P = 1: rounding must not turn the bracket round.
    found.lower = (2.0 / sufficient.largest.upper()).min(found.upper);
    found.lower_source =
        if found.lower > 0.0 { LowerSource::TheoremOne } else { LowerSource::None };
    let worthwhile = found.lower < found.upper * (1.0 - 1e-6) && noise > 0.0;
    if parameters.certificate && worthwhile && found.stop != RankStop::Interrupted {
        improve_lower(factors, noise, parameters, &mut found)?;
    }
    Ok(found)
}

/// Doubles the rank until the value settles.
fn climb(
    factors: &ExampleFactors,
    noise: f64,
    parameters: &CriticalParameters,
    progress: &mut dyn FnMut(&CriticalProgress) -> ControlFlow<()>,
) -> Result<MeanSquareCritical, Error> {
    let beta = parameters.momentum.value();
    let mut rank = parameters.first_rank.clamp(1, factors.rank());
    let mut start: Option<(Vec<f64>, usize)> = None;
    let (mut ranks, mut products) = (Vec::<RankValue>::new(), 0);
    loop {
        let part = factors.truncated(rank);
        let h = part.curvatures();
        let first = embed(start.take(), rank, h);
        let mut map = SecondMoment::new(&part, noise);
        let mut operator = Packed::new(&mut map, beta);
        let mut interrupted = false;
        let largest = crate::eigen::leading_with(
            &mut operator,
            parameters.eigen_tolerance,
            Some(&pack(&first, h)),
            &mut |now| {
                let critical_learning_rate = 2.0 * (1.0 - beta) / now.value;
                let products = now.products;
                let flow = progress(&CriticalProgress { rank, products, critical_learning_rate });
                interrupted |= flow.is_break();
                flow
            },
        )?;
        products += largest.products;
        let value = 2.0 * (1.0 - beta) / largest.value;
        let settled = ranks.last().is_some_and(|before: &RankValue| {
            rank >= 2 * before.rank
                && (before.critical_learning_rate / value - 1.0).abs() < parameters.tolerance
        });
        ranks.push(RankValue { rank, critical_learning_rate: value });
        let next = (2 * rank).min(factors.rank());
        let stop = if interrupted {
            Some(RankStop::Interrupted)
        } else if settled && !factors.covers_range() {
            Some(RankStop::Converged)
        } else if rank == factors.rank() {
            Some(RankStop::AllCoordinates)
        } else if settled {
            Some(RankStop::Converged)
        } else if working_bytes(next, factors) > parameters.memory {
            Some(RankStop::Memory)
        } else {
            None
        };
        let mut matrix = vec![0.0; rank * rank];
        unpack(&largest.vector, h, &mut matrix);
        if let Some(stop) = stop {
            let trace: f64 = matrix.iter().step_by(rank + 1).sum();
            matrix.iter_mut().for_each(|s| *s /= trace);
            return Ok(MeanSquareCritical {
                lower: 0.0,
                lower_source: LowerSource::None,
                estimate: value,
                upper: value,
                theorem_one: 0.0,
                ranks,
                stop,
                relative_residual: largest.residual / largest.value,
                converged: largest.converged,
                products,
                perron: matrix,
            });
        }
        start = Some((matrix, rank));
        rank = next;
    }
}

/// The previous Perron matrix with a little of H everywhere, or H: positive definite, so never
/// orthogonal to the Perron matrix.
fn embed(previous: Option<(Vec<f64>, usize)>, rank: usize, h: &[f64]) -> Vec<f64> {
    let mut matrix = vec![0.0; rank * rank];
    let mut share = 1.0;
    if let Some((small, size)) = previous {
        for (column, part) in matrix.chunks_exact_mut(rank).zip(small.chunks_exact(size)) {
            column[..size].copy_from_slice(part);
        }
        let trace: f64 = small.iter().step_by(size + 1).sum();
        share = 1e-2 * trace / h.iter().sum::<f64>();
    }
    matrix.iter_mut().step_by(rank + 1).zip(h).for_each(|(s, h)| *s += share * h);
    matrix
}

/// Bytes of a Lanczos basis of 25 packed vectors, eight r × r matrices and two copies of the rows.
fn working_bytes(rank: usize, factors: &ExampleFactors) -> u64 {
    let (r, rows) = (rank as u64, (factors.examples() * factors.outputs()) as u64);
    8 * (25 * r * (r + 1) / 2 + 8 * r * r + 2 * r * rows)
}

fn improve_lower(
    factors: &ExampleFactors,
    noise: f64,
    parameters: &CriticalParameters,
    found: &mut MeanSquareCritical,
) -> Result<(), Error> {
    let tried = found.ranks.last().map_or(1, |last| last.rank);
    let rank = tried.min(parameters.certificate_rank.max(1));
    let part = factors.truncated(rank);
    let perron: Vec<f64> =
        found.perron.chunks_exact(tried).take(rank).flat_map(|c| &c[..rank]).copied().collect();
    let (ritz, ceiling) = (2.0 / found.upper, 2.0 / found.lower);
    let certificate = certify(&part, noise, (ritz, &perron), ceiling)?;
    found.products += certificate.applications;
    if 2.0 / certificate.bound > found.lower {
        found.lower = 2.0 / certificate.bound;
        found.lower_source = LowerSource::Certificate;
    }
    Ok(())
}

/// λ_max(C⁺D_β) on all coordinates to a tight residual, without a bracket: the bare eigenproblem.
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
    let start = pack(&embed(None, h.len(), h), h);
    let mut map = SecondMoment::new(factors, noise);
    leading(&mut Packed::new(&mut map, momentum.value()), tolerance, Some(&start))
}
