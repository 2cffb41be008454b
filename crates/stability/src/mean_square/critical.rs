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
//! **In the blocks.** That eigenproblem has one of n blocks of K × K numbers behind it, from which it
//! is solved ([`super::feedback`]) and its lower end proved ([`super::collatz`]).
//!
//! **Truncation.** Restricting S to the leading r eigenvectors of H compresses the symmetric
//! C^{-1/2}D_βC^{-1/2}, so it gives a lower bound of λ_max and an upper bound of η*. When the factors
//! cover range(H), r grows to all of it and nothing is left out.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::ControlFlow;

use minimascope_linop::{End, LanczosParameters, lanczos};

use super::certificate::{certify, theorem_one_holds};
use super::collatz::{ProofParameters, prove};
use super::feedback::{Feedback, pack, unpack};
use super::packed::Packed;
use super::second_moment::SecondMoment;
use crate::criteria::theorem_one;
use crate::dense::dot;
use crate::eigen::leading;
use crate::{Batching, Error, ExampleFactors, Momentum};

/// How far to go.
#[derive(Clone, Debug)]
pub struct CriticalParameters {
    /// With truncated factors the rank is doubled until η* changes by less than this, relatively.
    pub tolerance: f64,
    /// Relative residual at which an eigenproblem stops; its square bounds the value's error.
    pub eigen_tolerance: f64,
    /// First rank.
    pub first_rank: usize,
    /// Bytes that the working arrays may take; the rank stops there.
    pub memory: u64,
    /// Relative distance between the ends of the bracket at which its proof stops.
    pub width: f64,
    /// Most applications of the map that the proof may take.
    pub proof_steps: usize,
    /// The largest rank of a certificate for truncated factors, whose right sides are dense; 0 for
    /// none but Theorem 1's.
    pub certificate_rank: usize,
    /// β.
    pub momentum: Momentum,
}

impl Default for CriticalParameters {
    /// 0.5 % in the rank from 100 on, eigenproblems to 1e-3, 4 GiB, a bracket of 0.1 % where range(H)
    /// is covered, certificates up to rank 800 where it is not.
    fn default() -> Self {
        Self {
            tolerance: 5e-3,
            eigen_tolerance: 1e-3,
            first_rank: 100,
            memory: 4 << 30,
            width: 1e-3,
            proof_steps: 40,
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
    /// A second moment that shrinks: on all of range(H), or with a bound for the directions left out.
    Certificate,
    /// The largest curvature decides: no noise.
    Sharpness,
    /// Nothing proved: momentum with directions left out, or a tail that nothing bounds.
    None,
}

/// Where the growth of the rank stopped.
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
    /// η* in these r directions: an upper bound.
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

/// What the search for η* is doing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CriticalProgress {
    /// The rank at work.
    pub rank: usize,
    /// Products at this rank.
    pub products: usize,
    /// The present value of η*; of its lower end while that is being proved.
    pub critical_learning_rate: f64,
}

/// Relative change of η* at which F_z is not set up anew, as a share of the square root of the
/// eigenproblem's tolerance: the error left is of the order of the change's square.
const SETTLED: f64 = 0.1;
/// Most times that it is.
const ROUNDS: usize = 8;
/// Power steps towards the top eigenvector of S.
const DIRECTION_STEPS: usize = 6;
/// When everything is covered the rank jumps to all from this share of it on: the ranks before
/// only bring a start.
const JUMP: usize = 4;

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
    let noise = batching.noise();
    let mut found = if noise == 0.0 {
        without_noise(factors, parameters.momentum)
    } else {
        climb(factors, noise, parameters, progress)?
    };
    if parameters.momentum == Momentum::NONE && found.stop != RankStop::Interrupted {
        let sufficient = theorem_one::critical(factors, batching)?;
        found.products += sufficient.largest.products;
        found.theorem_one = sufficient.critical_learning_rate;
        if !factors.covers_range() && noise > 0.0 {
            bound_from_below(factors, noise, parameters, &mut found)?;
        }
    }
    Ok(found)
}

/// 2(1+β)/a. The tail is a bound on what is left out, so the largest curvature is known either way.
fn without_noise(factors: &ExampleFactors, momentum: Momentum) -> MeanSquareCritical {
    let edge = |curvature: f64| 2.0 * (1.0 + momentum.value()) / curvature;
    let upper = edge(factors.sharpness());
    let lower = edge(factors.sharpness().max(factors.tail()));
    let mut direction = vec![0.0; factors.rank()];
    direction[0] = 1.0;
    MeanSquareCritical {
        lower,
        lower_source: if lower > 0.0 { LowerSource::Sharpness } else { LowerSource::None },
        estimate: upper,
        upper,
        theorem_one: 0.0,
        ranks: vec![RankValue { rank: factors.rank(), critical_learning_rate: upper }],
        stop: RankStop::AllCoordinates,
        relative_residual: 0.0,
        converged: true,
        products: 0,
        blocks: Vec::new(),
        direction,
    }
}

/// Raises the rank until the value settles, or to all of range(H), where the lower end is proved.
fn climb(
    factors: &ExampleFactors,
    noise: f64,
    parameters: &CriticalParameters,
    progress: &mut dyn FnMut(&CriticalProgress) -> ControlFlow<()>,
) -> Result<MeanSquareCritical, Error> {
    let (all, k) = (factors.rank(), factors.outputs());
    let mut rank = parameters.first_rank.clamp(1, all);
    let mut blocks = factors.blocks().to_vec();
    let (mut ranks, mut products) = (Vec::<RankValue>::new(), 0);
    loop {
        let part =
            if rank == all { Cow::Borrowed(factors) } else { Cow::Owned(factors.truncated(rank)) };
        let mut feedback = Feedback::new(&part, noise, parameters.momentum);
        let interrupted = Cell::new(false);
        let mut tell = |products: usize, critical_learning_rate: f64| {
            let flow = progress(&CriticalProgress { rank, products, critical_learning_rate });
            interrupted.set(interrupted.get() || flow.is_break());
            flow
        };
        let found = balance(&mut feedback, &mut blocks, k, parameters.eigen_tolerance, &mut tell)?;
        products += found.products;
        let value = 1.0 / found.inverse_rate;
        let settled = ranks.last().is_some_and(|before: &RankValue| {
            rank >= 2 * before.rank
                && (before.critical_learning_rate / value - 1.0).abs() < parameters.tolerance
        });
        ranks.push(RankValue { rank, critical_learning_rate: value });
        let next =
            if factors.covers_range() && JUMP * rank >= all { all } else { (2 * rank).min(all) };
        let mut stop = if interrupted.get() {
            Some(RankStop::Interrupted)
        } else if settled && !factors.covers_range() {
            Some(RankStop::Converged)
        } else if rank == all {
            Some(RankStop::AllCoordinates)
        } else if working_bytes(next, factors) > parameters.memory {
            Some(RankStop::Memory)
        } else {
            None
        };
        let (mut lower, mut lower_source) = (0.0, LowerSource::None);
        if stop == Some(RankStop::AllCoordinates) && factors.covers_range() {
            let settings = ProofParameters {
                width: parameters.width,
                steps: parameters.proof_steps,
                momentum: parameters.momentum != Momentum::NONE,
            };
            let at = (found.inverse_rate, found.slope);
            let (proved, spent) = prove(&mut feedback, &blocks, at, &settings, &mut tell)?;
            products += spent;
            if proved.is_finite() {
                // Rounding must not turn the bracket round.
                (lower, lower_source) = ((1.0 / proved).min(value), LowerSource::Certificate);
            }
            if interrupted.get() {
                stop = Some(RankStop::Interrupted);
            }
        }
        if let Some(stop) = stop {
            feedback.set_inverse_rate(found.inverse_rate);
            feedback.excite(&blocks);
            return Ok(MeanSquareCritical {
                lower,
                lower_source,
                estimate: value,
                upper: value,
                theorem_one: 0.0,
                ranks,
                stop,
                relative_residual: found.relative_residual,
                converged: found.converged,
                products,
                direction: feedback.top_direction(DIRECTION_STEPS),
                blocks,
            });
        }
        rank = next;
    }
}

/// A z at which λ_max(F_z) = 1.
struct Balance {
    inverse_rate: f64,
    /// −d log λ_max(F_z)/d log z.
    slope: f64,
    relative_residual: f64,
    converged: bool,
    products: usize,
}

/// The eigenvector at the present z, then the z that balances it, in turn; `blocks` holds the start
/// and becomes the eigenvector, of norm 1.
fn balance(
    feedback: &mut Feedback<'_>,
    blocks: &mut [f64],
    k: usize,
    tolerance: f64,
    progress: &mut dyn FnMut(usize, f64) -> ControlFlow<()>,
) -> Result<Balance, Error> {
    let mut vector = vec![0.0; minimascope_linop::SymmetricOperator::dimension(feedback)];
    feedback.excite(blocks);
    let (mut z, _) = feedback.balance(dot(blocks, blocks));
    let mut found = Balance {
        inverse_rate: z,
        slope: 1.0,
        relative_residual: f64::INFINITY,
        converged: false,
        products: 1,
    };
    for _ in 0..ROUNDS {
        feedback.set_inverse_rate(z);
        pack(blocks, k, &mut vector);
        let parameters = LanczosParameters { tolerance, ..LanczosParameters::new(End::Largest, 1) };
        let mut interrupted = false;
        let spent = found.products;
        let mut spectrum = lanczos(feedback, &parameters, Some(&vector), &mut |now| {
            let flow = progress(spent + now.products, 1.0 / z);
            interrupted |= flow.is_break();
            flow
        })?;
        let pair = spectrum.pairs.swap_remove(0);
        unpack(&pair.vector, k, blocks);
        // The eigenvector is one of positive semi-definite blocks, up to its sign.
        if blocks.chunks_exact(k * k).flat_map(|b| b.iter().step_by(k + 1)).sum::<f64>() < 0.0 {
            blocks.iter_mut().for_each(|v| *v = -*v);
        }
        feedback.excite(blocks);
        let (next, slope) = feedback.balance(dot(blocks, blocks));
        let change = (next / z - 1.0).abs();
        z = next;
        found = Balance {
            inverse_rate: z,
            slope,
            relative_residual: pair.relative_residual,
            converged: pair.converged,
            products: spent + spectrum.products + 1,
        };
        if change < SETTLED * tolerance.sqrt() || interrupted {
            break;
        }
    }
    Ok(found)
}

/// Bytes of three r × r matrices, and the rows with their products.
fn working_bytes(rank: usize, factors: &ExampleFactors) -> u64 {
    let (r, rows) = (rank as u64, (factors.examples() * factors.outputs()) as u64);
    8 * (3 * r * r + 2 * r * rows)
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
        (found.lower, found.lower_source) =
            ((2.0 / bound).min(found.upper), LowerSource::TheoremOne);
    }
    if parameters.certificate_rank == 0 {
        return Ok(());
    }
    let mut feedback = Feedback::new(&part, noise, Momentum::NONE);
    let mut blocks = found.blocks.clone();
    let quiet = &mut |_, _| ControlFlow::Continue(());
    let here =
        balance(&mut feedback, &mut blocks, part.outputs(), parameters.eigen_tolerance, quiet)?;
    feedback.set_inverse_rate(here.inverse_rate);
    let perron = feedback.second_moment();
    let certificate = certify(&part, noise, (2.0 / found.upper, &perron), bound)?;
    found.products += here.products + certificate.applications;
    if 2.0 / certificate.bound > found.lower {
        found.lower = (2.0 / certificate.bound).min(found.upper);
        found.lower_source = LowerSource::Certificate;
    }
    Ok(())
}

/// λ_max(C⁺D_β) on all coordinates by Lanczos on r × r matrices: the plain form, to a tight residual
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
    let mut map = SecondMoment::new(factors, noise);
    leading(&mut Packed::new(&mut map, momentum.value()), tolerance, Some(&start))
}
