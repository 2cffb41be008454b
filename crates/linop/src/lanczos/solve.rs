//! The solver: when to look, when to restart, when to stop.

use std::ops::ControlFlow;

use super::krylov::{Krylov, Next, Residual};
use super::plan::LanczosPlan;
use super::{Confirmation, LanczosParameters, LanczosProgress, RitzPairs, SolverStop};
use crate::{Error, SymmetricOperator};

/// Explicit residuals are looked at when the estimates are this share of the tolerance, so that
/// rounding in the estimate does not waste a product.
const LOOK_AT: f64 = 0.9;
/// … and, each time the true residual missed, when they have fallen by this factor: about two
/// products at the usual rate of convergence.
const LOOK_AGAIN: f64 = 0.25;
/// A true residual that falls by less than this factor between looks makes no progress,
const PROGRESS: f64 = 0.8;
/// and this many such looks in a row mean that it has met the operator's noise.
const LOOKS_WITHOUT_PROGRESS: usize = 3;

/// Extremal eigenpairs of `operator` with their true residuals.
///
/// `start` is a direction rich in the wanted eigenvectors, such as the eigenvector of an earlier
/// point or the sum of several; without it a random one. `progress` is called after each product
/// that grows the basis and may stop the run; what is known by then is returned, after one product
/// a pair for the residuals.
///
/// Any symmetric operator of any dimension from 1: an invariant subspace is continued in a random
/// direction orthogonal to it. Errors of the operator (f32, slight asymmetry) bound the residual
/// that can be reached; when it stops falling the run ends with [`SolverStop::Stagnated`].
///
/// Cost: `products` of the result, and for each of them about 4·size·dimension operations in two
/// passes over the basis. The bits do not depend on the number of threads.
///
/// # Errors
/// [`Error::Empty`], [`Error::Parameter`]; [`Error::Length`] and [`Error::Start`] for the start
/// vector; [`Error::NotFinite`] and [`Error::Overflow`] from the operator; [`Error::DenseSolver`].
pub fn lanczos<O: SymmetricOperator + ?Sized>(
    operator: &mut O,
    parameters: &LanczosParameters,
    start: Option<&[f64]>,
    progress: &mut dyn FnMut(&LanczosProgress) -> ControlFlow<()>,
) -> Result<RitzPairs, Error> {
    let plan = LanczosPlan::check(operator.dimension(), parameters)?;
    let mut krylov = Krylov::new(operator, plan.max_basis, parameters.seed, start)?;
    let mut checks = Checks::new(parameters.tolerance);
    let mut seen =
        LanczosProgress { products: 0, value: f64::NAN, relative_residual: f64::INFINITY };
    // A random direction is followed until the basis is full, whatever the estimates say: they
    // know nothing of what it may still find.
    let mut probing = false;
    let mut confirmed: Option<Vec<Residual>> = None;
    let mut checked_at = 0;
    loop {
        let next = krylov.expand()?;
        probing |= next == Next::Random;
        let size = krylov.size();
        let exhausted = next == Next::Nothing;
        let full = size == plan.max_basis;
        let spent = plan.spent(&krylov);
        let forced = exhausted || full || spent;

        let due = size < checked_at || size >= checked_at + plan.interval(size);
        let mut ritz = None;
        if forced || due {
            checked_at = size;
            let found = krylov.ritz()?;
            seen = plan.progress(&krylov, &found);
            ritz = Some(found);
        }
        seen.products = krylov.products();
        let interrupted = progress(&seen).is_break();
        let followed = !probing || full || exhausted;
        let enough = size >= plan.least_basis && ritz.is_some();
        let settled = followed && enough && seen.relative_residual <= checks.target;
        if !(settled || forced || interrupted) {
            continue;
        }

        let ritz = match ritz {
            Some(found) => found,
            None => krylov.ritz()?,
        };
        let order = plan.order(size);
        let kept = if exhausted { plan.wanted.min(size) } else { plan.kept.min(size) };
        krylov.contract(&ritz, &order[..kept]);
        checked_at = 0;
        if full {
            probing = false;
        }
        if !(settled || exhausted || spent || interrupted) {
            continue;
        }

        let count = plan.wanted.min(kept);
        let last = exhausted || interrupted || spent || plan.nearly_spent(&krylov);
        let (mut found, missed) = look(&plan, &mut krylov, count, last)?;
        let unsure = parameters.confirmation == Confirmation::Probe
            && !exhausted
            && confirmed.as_ref().is_none_or(|before| differ(before, &found));
        let stop = match missed {
            None if count == plan.wanted && followed && !unsure && !interrupted => {
                Some(SolverStop::Converged)
            }
            _ if interrupted => Some(SolverStop::Interrupted),
            _ if exhausted => Some(SolverStop::Stagnated),
            _ if last => Some(SolverStop::Budget),
            None => {
                confirmed = Some(found.clone());
                probing = true;
                if krylov.randomise() { None } else { Some(SolverStop::Converged) }
            }
            Some(relative) if checks.stagnated(relative) => {
                for column in found.len()..count {
                    found.push(krylov.residual(column)?);
                }
                Some(SolverStop::Stagnated)
            }
            Some(_) => {
                if !krylov.continue_from_residual() {
                    probing = true;
                    krylov.randomise();
                }
                None
            }
        };
        if let Some(stop) = stop {
            return Ok(plan.spectrum(krylov, &found, stop));
        }
    }
}

/// The true residuals of the first `count` columns, and the first relative one that misses the
/// tolerance: up to it, or, at the `last` look, of all.
fn look<O: SymmetricOperator + ?Sized>(
    plan: &LanczosPlan,
    krylov: &mut Krylov<'_, O>,
    count: usize,
    last: bool,
) -> Result<(Vec<Residual>, Option<f64>), Error> {
    let mut found = Vec::with_capacity(count);
    let mut missed = None;
    while found.len() < count && (last || missed.is_none()) {
        let residual = krylov.residual(found.len())?;
        let relative = plan.relative(krylov, residual.value, residual.norm);
        if relative > plan.tolerance {
            missed.get_or_insert(relative);
        }
        found.push(residual);
    }
    Ok((found, missed))
}

/// Whether a look after a probe shows other eigenvalues than the one before: by more than the two
/// residuals allow.
fn differ(before: &[Residual], after: &[Residual]) -> bool {
    before.len() != after.len()
        || before.iter().zip(after).any(|(a, b)| (a.value - b.value).abs() > a.norm + b.norm)
}

/// When to spend products on true residuals, and when to give up on them.
struct Checks {
    target: f64,
    best: f64,
    without_progress: usize,
}

impl Checks {
    fn new(tolerance: f64) -> Self {
        Self { target: LOOK_AT * tolerance, best: f64::INFINITY, without_progress: 0 }
    }

    /// Takes note of a miss; true when misses no longer shrink.
    fn stagnated(&mut self, relative: f64) -> bool {
        self.target *= LOOK_AGAIN;
        if relative < PROGRESS * self.best {
            self.best = relative;
            self.without_progress = 0;
        } else {
            self.without_progress += 1;
        }
        self.without_progress == LOOKS_WITHOUT_PROGRESS
    }
}
