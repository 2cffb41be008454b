//! The balance λ_max(F) = 1 of [`super::feedback`], in a rising number of directions.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::ControlFlow;

use minimascope_linop::{LanczosParameters, SpectrumEnd, SymmetricOperator, lanczos};
use minimascope_record::threshold::{RankStop, RankValue};

use super::collatz::{ProofParameters, prove};
use super::feedback::{Feedback, Unknown, pack, unpack};
use super::parameters::{CriticalParameters, CriticalProgress, all_known};
use crate::dense::dot;
use crate::{Error, ExampleFactors};

/// Relative change of the unknown at which F is not set up anew, as a share of the square root of
/// the eigenproblem's tolerance: the error left is of the order of the change's square.
const SETTLED: f64 = 0.1;
/// Most times that it is.
const ROUNDS: usize = 8;
/// Power steps towards the top eigenvector of S.
const DIRECTION_STEPS: usize = 6;
/// When everything is covered the rank jumps to all from this share of it on: the ranks before
/// only bring a start.
const JUMP: usize = 4;

/// Where the climb ended.
pub(super) struct Climbed {
    /// The unknown in the largest space tried: at most its true value for z, at least for p.
    pub(super) value: f64,
    /// Proved to be stable, infinite for z and 0 for p when nothing is.
    pub(super) proved: f64,
    /// The ranks tried, with 1/z or p.
    pub(super) ranks: Vec<RankValue>,
    pub(super) stop: RankStop,
    pub(super) relative_residual: f64,
    pub(super) converged: bool,
    pub(super) products: usize,
    /// The eigenvector T, of norm 1.
    pub(super) blocks: Vec<f64>,
    /// The top direction of the second moment that T excites.
    pub(super) direction: Vec<f64>,
}

/// Where a climb begins.
#[derive(Clone, Copy)]
pub(super) enum Begin<'a> {
    /// In the first rank, from the blocks A_iA_iᵀ.
    InFewDirections,
    /// In all directions of the factors, from n blocks near the eigenvector.
    Near(&'a [f64]),
}

/// Raises the rank until the value settles, or to all of range(H), where stability on one side of
/// it is proved. `given` is the value of the other of z and p.
pub(super) fn climb(
    factors: &ExampleFactors,
    (unknown, given): (Unknown, f64),
    begin: Begin<'_>,
    parameters: &CriticalParameters,
    progress: &mut dyn FnMut(&CriticalProgress) -> ControlFlow<()>,
) -> Result<Climbed, Error> {
    let (all, k) = (factors.rank(), factors.outputs());
    let (mut rank, mut blocks) = match begin {
        Begin::InFewDirections => (parameters.first_rank.clamp(1, all), factors.blocks().to_vec()),
        Begin::Near(blocks) => (all, blocks.to_vec()),
    };
    let (mut ranks, mut products) = (Vec::<RankValue>::new(), 0);
    loop {
        let part =
            if rank == all { Cow::Borrowed(factors) } else { Cow::Owned(factors.truncated(rank)) };
        let mut feedback = Feedback::new(&part, parameters.momentum);
        feedback.set(unknown.other(), given);
        let interrupted = Cell::new(false);
        let mut tell = |products: usize, value: f64| {
            let critical_learning_rate = unknown.shown(value);
            let flow = progress(&CriticalProgress { rank, products, critical_learning_rate });
            interrupted.set(interrupted.get() || flow.is_break());
            flow
        };
        let tolerance = parameters.eigen_tolerance;
        let found = balance(&mut feedback, unknown, &mut blocks, (k, tolerance), &mut tell)?;
        products += found.products;
        let shown = unknown.shown(found.value);
        let settled = ranks.last().is_some_and(|before: &RankValue| {
            rank >= 2 * before.rank
                && (before.critical_learning_rate / shown - 1.0).abs() < parameters.tolerance
        });
        ranks.push(RankValue { rank, critical_learning_rate: shown });
        let covered = factors.covers_range();
        let next = if covered && JUMP * rank >= all { all } else { (2 * rank).min(all) };
        let mut stop = if interrupted.get() {
            Some(RankStop::Interrupted)
        } else if settled && !covered {
            Some(RankStop::Converged)
        } else if rank == all {
            Some(all_known(factors))
        } else if working_bytes(next, factors) > parameters.memory {
            Some(RankStop::Memory)
        } else {
            None
        };
        let mut proved = unknown.unproved();
        if stop == Some(RankStop::AllDirections) {
            let settings =
                ProofParameters { width: parameters.width, steps: parameters.proof_steps };
            let at = (found.value, found.slope);
            let (value, spent) = prove(&mut feedback, unknown, &blocks, at, &settings, &mut tell)?;
            proved = value;
            products += spent;
            if interrupted.get() {
                stop = Some(RankStop::Interrupted);
            }
        }
        if let Some(stop) = stop {
            feedback.set(unknown, found.value);
            feedback.excite(&blocks);
            return Ok(Climbed {
                value: found.value,
                proved,
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

/// The unknown at which λ_max(F) = 1.
pub(super) struct Balance {
    pub(super) value: f64,
    /// |d log λ_max(F)/d log value|.
    slope: f64,
    relative_residual: f64,
    converged: bool,
    pub(super) products: usize,
}

/// The eigenvector at the present value, then the value that balances it, in turn; `blocks` holds
/// the start and becomes the eigenvector, of norm 1. K and the eigenproblem's tolerance.
pub(super) fn balance(
    feedback: &mut Feedback<'_>,
    unknown: Unknown,
    blocks: &mut [f64],
    (k, tolerance): (usize, f64),
    progress: &mut dyn FnMut(usize, f64) -> ControlFlow<()>,
) -> Result<Balance, Error> {
    let mut vector = vec![0.0; feedback.dimension()];
    feedback.excite(blocks);
    let (mut value, _) = feedback.balance(unknown, dot(blocks, blocks));
    let mut found = Balance {
        value,
        slope: 1.0,
        relative_residual: f64::INFINITY,
        converged: false,
        products: 1,
    };
    for _ in 0..ROUNDS {
        feedback.set(unknown, value);
        pack(blocks, k, &mut vector);
        let parameters =
            LanczosParameters { tolerance, ..LanczosParameters::warm(SpectrumEnd::Largest, 1) };
        let mut interrupted = false;
        let spent = found.products;
        let mut spectrum = lanczos(feedback, &parameters, Some(&vector), &mut |now| {
            let flow = progress(spent + now.products, value);
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
        let (next, slope) = feedback.balance(unknown, dot(blocks, blocks));
        let settled = (next / value - 1.0).abs() < SETTLED * tolerance.sqrt();
        value = next;
        found = Balance {
            value,
            slope,
            relative_residual: pair.relative_residual,
            converged: pair.converged && settled,
            products: spent + spectrum.products + 1,
        };
        if settled || interrupted {
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
