//! The solver: when to look, when to restart, when to stop.

use std::ops::ControlFlow;

use super::krylov::{Krylov, Next, Residual};
use super::plan::LanczosPlan;
use super::{Confirmation, LanczosParameters, LanczosProgress, RitzPairs, SolverStop};
use crate::dense::SymmetricEigen;
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
/// So many products without progress of the estimate, and so many for each column of the basis, mean
/// the same: in products of single precision the estimate never comes near a tolerance of 1e-9.
const STALLED_AFTER: [usize; 2] = [100, 4];
/// Residuals up to so many times what counts as zero may be the operator's noise.
const NOISE: f64 = 16.0;
/// So many fillings of the basis are spent on the pairs next to those wanted.
const PATIENCE: usize = 8;
/// Products of [`Confirmation::Brief`]: one shows what lies in the direction, one what the operator
/// makes of it.
const BRIEF: usize = 2;
/// A share of the tolerance by which a wanted Ritz value may move in a brief confirmation. A random
/// direction meets the vector that a pair lacks with a share of 1/√P, and moves its value by the
/// square of that; what was hidden moves it by far more.
const MOVED: f64 = 1e-3;

/// Extremal eigenpairs of `operator` with their true residuals.
///
/// `start` is a direction rich in the wanted eigenvectors, such as the eigenvector of an earlier
/// point or the sum of several; without it a random one. `progress` is called after each product
/// that grows the basis and may stop the run; what is known by then is returned, after one product
/// a pair for the residuals.
///
/// What is certain: an eigenvalue lies within each pair's residual. What is likely: that the pairs
/// are those of the end. Let θ be the largest Ritz value after m products from a start v, λ_P the
/// smallest eigenvalue, and λ_1 = θ + ε(θ − λ_P) an eigenvalue that the run does not know. No vector
/// of the basis has a Rayleigh quotient above θ, so that for T = T_{m−1} the Chebyshev polynomial on
/// [λ_P, θ], ε T(1 + 2ε)² c² ≤ 1 with c the component of v along the eigenvector. For v uniform on the
/// sphere |c| ≤ t has a probability of at most t √(2P/π), so that λ_1 is missed with at most
///
/// √(2P/π) / (√ε T_{m−1}(1 + 2ε)),
///
/// the form of Kuczyński and Woźniakowski (SIAM J. Matrix Anal. Appl. 13, 1992) for a known excess.
/// At P = 10⁶: 2·10⁻⁴ for ε = 1 and m = 10, 3·10⁻⁴ for ε = 0.5 and m = 13, and nothing is promised
/// below ε = 0.2 there. A confirmation draws another direction, independent of the first.
///
/// A probe for several pairs is followed by the same bound: θ is the largest Ritz value that is neither
/// wanted nor known to a hundredth, and λ_1 the last wanted one with its tolerance. It ends when a pair
/// between is missed with at most 10⁻³, or, where a full basis would not do, after as many
/// products as refill the basis, and then nothing is promised of a pair so close to the last.
///
/// Any symmetric operator of any dimension from 1: an invariant subspace is continued in a random
/// direction orthogonal to it. Errors of the operator (f32, slight asymmetry) bound the residual
/// that can be reached; when it, or its estimate, stops falling the run ends with
/// [`SolverStop::Stagnated`].
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
    let mut probing = Probing::No;
    let mut confirmation = parameters.confirmation;
    // The size at which a brief confirmation ends, and the product until which a probe goes on for
    // the sake of the pairs next to those wanted.
    let mut brief = None;
    let mut patience = usize::MAX;
    let mut confirmed: Option<Vec<Residual>> = None;
    let mut checked_at = 0;
    loop {
        let next = krylov.expand()?;
        if next == Next::Random {
            probing = match probing {
                Probing::No => Probing::To(plan.max_basis),
                Probing::UntilSure => Probing::To(plan.probe_size()),
                to @ Probing::To(_) => to,
            };
        }
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
        if let (Some(until), Some(before)) = (brief, &confirmed) {
            if size < until && !forced && !interrupted {
                continue;
            }
            let found = match ritz {
                Some(found) => found,
                None => krylov.ritz()?,
            };
            if interrupted || plan.is_unmoved(&krylov, &found, before, MOVED) {
                let stop =
                    if interrupted { SolverStop::Interrupted } else { SolverStop::Converged };
                return Ok(plan.spectrum(krylov, before, stop));
            }
            // Something was hidden: the same again, and the whole basis.
            ritz = Some(found);
            (brief, confirmed, probing) = (None, None, Probing::To(plan.max_basis));
            confirmation = Confirmation::Probe;
        }
        // A slow run is none: only near what rounding makes of a product does it end.
        let at_noise = seen.relative_residual * seen.value.abs() <= NOISE * krylov.zero();
        let window = STALLED_AFTER[0].max(STALLED_AFTER[1] * plan.max_basis);
        let stalled = checks.stalled(&seen, window) && at_noise;
        let followed = full || exhausted || probing.is_followed(&plan, &krylov, ritz.as_ref());
        let enough = size >= plan.least_basis && ritz.is_some();
        let resolved = match &ritz {
            Some(ritz) if confirmed.is_some() && krylov.products() < patience => {
                plan.is_resolved(&krylov, ritz)
            }
            _ => true,
        };
        let settled = followed && enough && resolved && seen.relative_residual <= checks.target;
        if !(settled || forced || interrupted || stalled) {
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
        if followed {
            probing = Probing::No;
        }
        if !(settled || exhausted || spent || interrupted || stalled) {
            continue;
        }

        let count = plan.wanted.min(kept);
        let last = exhausted || interrupted || spent || stalled || plan.nearly_spent(&krylov);
        let (mut found, missed) = look(&plan, &mut krylov, count, last)?;
        let unsure = confirmation != Confirmation::None
            && !exhausted
            && confirmed.as_ref().is_none_or(|before| differ(before, &found));
        let stop = match missed {
            None if count == plan.wanted && followed && !unsure && !interrupted => {
                Some(SolverStop::Converged)
            }
            _ if interrupted => Some(SolverStop::Interrupted),
            _ if exhausted || stalled && missed.is_some() => Some(SolverStop::Stagnated),
            _ if last => Some(SolverStop::Budget),
            None => {
                confirmed = Some(found.clone());
                if confirmation == Confirmation::Probe {
                    probing = Probing::UntilSure;
                    // A pair that has not converged has its residual along the direction that now gives
                    // way to a random one: with it, no estimate after that would be right.
                    krylov.keep(count);
                } else {
                    brief = Some(krylov.size() + BRIEF);
                }
                patience = krylov.products() + PATIENCE * plan.max_basis;
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
                    probing = Probing::To(plan.max_basis);
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

/// How far a random direction is followed, whatever the estimates say: they know nothing of what it may
/// still find.
#[derive(Debug, Clone, Copy)]
enum Probing {
    /// There is none.
    No,
    /// Until the basis has this size.
    To(usize),
    /// Until a miss is improbable.
    UntilSure,
}

impl Probing {
    fn is_followed<O: SymmetricOperator + ?Sized>(
        self,
        plan: &LanczosPlan,
        krylov: &Krylov<'_, O>,
        ritz: Option<&SymmetricEigen>,
    ) -> bool {
        match self {
            Self::No => true,
            Self::To(size) => krylov.size() >= size,
            Self::UntilSure => ritz.is_some_and(|ritz| plan.is_followed(krylov, ritz)),
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
    /// The best estimate so far, and the product that gave it.
    best_estimate: f64,
    best_at: usize,
}

impl Checks {
    fn new(tolerance: f64) -> Self {
        Self {
            target: LOOK_AT * tolerance,
            best: f64::INFINITY,
            without_progress: 0,
            best_estimate: f64::INFINITY,
            best_at: 0,
        }
    }

    /// Takes note of an estimate; true when none has improved for so many products.
    fn stalled(&mut self, seen: &LanczosProgress, products: usize) -> bool {
        if seen.relative_residual < PROGRESS * self.best_estimate {
            self.best_estimate = seen.relative_residual;
            self.best_at = seen.products;
        }
        seen.relative_residual > self.target && seen.products >= self.best_at + products
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
