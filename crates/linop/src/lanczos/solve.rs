//! The solver: when to look, when to restart, when to stop.

use std::ops::ControlFlow;

use super::krylov::{Krylov, Next, Residual};
use super::{Confirmation, EigenPair, End, LanczosParameters, Progress, Spectrum, Stop};
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

/// Extremal eigenpairs of `operator` with their true residuals.
///
/// `start` is a direction rich in the wanted eigenvectors, such as the eigenvector of an earlier
/// point or the sum of several; without it a random one. `progress` is called after each product
/// that grows the basis and may stop the run; what is known by then is returned, after one product
/// a pair for the residuals.
///
/// Any symmetric operator of any dimension from 1: an invariant subspace is continued in a random
/// direction orthogonal to it. Errors of the operator (f32, slight asymmetry) bound the residual
/// that can be reached; when it stops falling the run ends with [`Stop::Stagnated`].
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
    progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Spectrum, Error> {
    let plan = Plan::check(operator.dimension(), parameters)?;
    let mut krylov = Krylov::new(operator, plan.max_basis, parameters.seed, start)?;
    let mut looks = Looks::new(parameters.tolerance);
    let mut seen = Progress { products: 0, value: f64::NAN, relative_residual: f64::INFINITY };
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
        let settled = followed && ritz.is_some() && seen.relative_residual <= looks.target;
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
        let mut found = Vec::with_capacity(count);
        let mut missed = None;
        while found.len() < count && (last || missed.is_none()) {
            let residual = krylov.residual(found.len())?;
            let relative = plan.relative(&krylov, residual.value, residual.norm);
            if relative > plan.tolerance {
                missed.get_or_insert(relative);
            }
            found.push(residual);
        }

        let unsure = parameters.confirmation == Confirmation::Probe
            && !exhausted
            && confirmed.as_ref().is_none_or(|before| differ(before, &found));
        let stop = match missed {
            None if !unsure && !interrupted && (followed || exhausted) => Some(Stop::Converged),
            _ if interrupted => Some(Stop::Interrupted),
            _ if exhausted => Some(Stop::Stagnated),
            _ if last => Some(Stop::Budget),
            None => {
                confirmed = Some(found.clone());
                probing = true;
                if krylov.randomise() { None } else { Some(Stop::Converged) }
            }
            Some(relative) if looks.stagnated(relative) => {
                for column in found.len()..count {
                    found.push(krylov.residual(column)?);
                }
                Some(Stop::Stagnated)
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

/// Whether a look after a probe shows other eigenvalues than the one before: by more than the two
/// residuals allow.
fn differ(before: &[Residual], after: &[Residual]) -> bool {
    before.len() != after.len()
        || before.iter().zip(after).any(|(a, b)| (a.value - b.value).abs() > a.norm + b.norm)
}

/// When to spend products on true residuals, and when to give up on them.
struct Looks {
    target: f64,
    best: f64,
    without_progress: usize,
}

impl Looks {
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

/// The checked parameters, fitted to the dimension.
struct Plan {
    end: End,
    wanted: usize,
    kept: usize,
    max_basis: usize,
    max_products: usize,
    tolerance: f64,
    relative_floor: f64,
}

impl Plan {
    fn check(dimension: usize, parameters: &LanczosParameters) -> Result<Self, Error> {
        if dimension == 0 {
            return Err(Error::Empty);
        }
        let refuse =
            |name, value: f64, requirement| Err(Error::Parameter { name, value, requirement });
        let LanczosParameters { end, count, tolerance, relative_floor, max_products, .. } =
            *parameters;
        if count == 0 {
            return refuse("count", 0.0, "at least 1: it is the number of eigenpairs");
        }
        if !(tolerance > 0.0 && tolerance < 1.0) {
            return refuse("tolerance", tolerance, "above 0 and below 1: it bounds ‖Av − λv‖/|λ|");
        }
        if !(0.0..=1.0).contains(&relative_floor) {
            return refuse("relative_floor", relative_floor, "from 0 to 1: it is a share of ‖A‖");
        }
        if max_products < 2 {
            let requirement = "at least 2: one product to start and one for the residual";
            return refuse("max_products", max_products as f64, requirement);
        }
        let wanted = if end == End::Both { count.saturating_mul(2) } else { count }.min(dimension);
        let max_basis = parameters.max_basis.min(dimension);
        if max_basis < (wanted + 2).min(dimension) {
            let requirement = "at least the pairs wanted and two (both ends want 2·count): a restart \
                 keeps the pairs and needs room for new directions";
            return refuse("max_basis", parameters.max_basis as f64, requirement);
        }
        // A restart keeps the wanted pairs and a third of the remaining room: their neighbours
        // carry most of what the discarded directions knew of the wanted ones.
        let kept = wanted + (max_basis - wanted) / 3;
        Ok(Self { end, wanted, kept, max_basis, max_products, tolerance, relative_floor })
    }

    /// Columns between two looks at the Ritz pairs: one for few pairs; a dense eigenproblem at
    /// every product would cost more than the product for hundreds.
    fn interval(&self, size: usize) -> usize {
        (self.wanted / 8).max(size / 32).max(1)
    }

    /// Whether another expansion would leave too few products for the residuals.
    fn spent<O: SymmetricOperator + ?Sized>(&self, krylov: &Krylov<'_, O>) -> bool {
        krylov.products() + 1 + self.wanted.min(krylov.size() + 1) > self.max_products
    }

    /// Whether a look that misses would leave too few products to go on and look again.
    fn nearly_spent<O: SymmetricOperator + ?Sized>(&self, krylov: &Krylov<'_, O>) -> bool {
        krylov.products() + 2 * self.wanted + 1 > self.max_products
    }

    /// Ritz indices (of an ascending list), the wanted first and then their neighbours.
    fn order(&self, size: usize) -> Vec<usize> {
        match self.end {
            End::Largest => (0..size).rev().collect(),
            End::Smallest => (0..size).collect(),
            End::Both => {
                let (high, low) = self.ends(size);
                let top = (size - high..size).rev();
                let mut order: Vec<usize> = top.chain(0..low).collect();
                let (mut from, mut to) = (low, size - high);
                while from < to {
                    to -= 1;
                    order.push(to);
                    if from < to {
                        order.push(from);
                        from += 1;
                    }
                }
                order
            }
        }
    }

    /// How many of the wanted are largest and how many smallest, given `size` Ritz pairs.
    fn ends(&self, size: usize) -> (usize, usize) {
        let count = self.wanted.min(size);
        match self.end {
            End::Largest => (count, 0),
            End::Smallest => (0, count),
            End::Both => (count.div_ceil(2), count / 2),
        }
    }

    fn relative<O: SymmetricOperator + ?Sized>(
        &self,
        krylov: &Krylov<'_, O>,
        value: f64,
        residual: f64,
    ) -> f64 {
        relative_residual(value, residual, self.relative_floor * krylov.norm_estimate())
    }

    fn progress<O: SymmetricOperator + ?Sized>(
        &self,
        krylov: &Krylov<'_, O>,
        ritz: &SymmetricEigen,
    ) -> Progress {
        let size = krylov.size();
        let order = self.order(size);
        let estimate = |&which: &usize| {
            let outside = krylov.coupling() * ritz.vectors[(size - 1, which)].abs();
            self.relative(krylov, ritz.values[which], outside)
        };
        let worst = order.iter().take(self.wanted).map(estimate).fold(0.0, f64::max);
        Progress {
            products: krylov.products(),
            value: ritz.values[order[0]],
            relative_residual: if size < self.wanted { f64::INFINITY } else { worst },
        }
    }

    fn spectrum<O: SymmetricOperator + ?Sized>(
        &self,
        krylov: Krylov<'_, O>,
        found: &[Residual],
        stop: Stop,
    ) -> Spectrum {
        let (products, norm_estimate) = (krylov.products(), krylov.norm_estimate());
        let floor = self.relative_floor * norm_estimate;
        let vectors = krylov.into_vectors(found.len());
        let pair = |(residual, vector): (&Residual, Vec<f64>)| {
            let relative_residual = relative_residual(residual.value, residual.norm, floor);
            EigenPair {
                value: residual.value,
                vector,
                residual: residual.norm,
                relative_residual,
                converged: relative_residual <= self.tolerance,
            }
        };
        let mut pairs: Vec<EigenPair> = found.iter().zip(vectors).map(pair).collect();
        let (top, bottom) = pairs.split_at_mut(self.ends(found.len()).0);
        top.sort_by(|a, b| b.value.total_cmp(&a.value));
        bottom.sort_by(|a, b| a.value.total_cmp(&b.value));
        Spectrum { pairs, products, stop, norm_estimate }
    }
}

/// residual / max(|value|, floor), and zero when there is nothing to compare: the zero operator.
pub(crate) fn relative_residual(value: f64, residual: f64, floor: f64) -> f64 {
    if residual == 0.0 { 0.0 } else { residual / value.abs().max(floor) }
}
