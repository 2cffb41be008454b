//! What a run wants: the checked parameters, the order of Ritz pairs, the budget, the result.

use super::krylov::{Krylov, Residual};
use super::{EigenPair, LanczosParameters, LanczosProgress, RitzPairs, SolverStop, SpectrumEnd};
use crate::dense::SymmetricEigen;
use crate::{Error, SymmetricOperator};

/// The probability of a miss at which a probe ends.
const MISSED: f64 = 1e-3;
/// Where a full basis would leave one of more than this, the spectrum is dense next to the wanted pairs,
/// and a probe ends where a restart's basis would be full again.
const HOPELESS: f64 = 10.0 * MISSED;
/// Pairs beyond those wanted with a residual of at most this share of their value are known: it is not they
/// that a probe may still raise far.
const KNOWN: f64 = 1e-2;

/// The checked parameters, fitted to the dimension.
pub(super) struct LanczosPlan {
    dimension: usize,
    end: SpectrumEnd,
    pub(super) wanted: usize,
    pub(super) kept: usize,
    pub(super) max_basis: usize,
    pub(super) least_basis: usize,
    max_products: usize,
    pub(super) tolerance: f64,
    relative_floor: f64,
}

impl LanczosPlan {
    pub(super) fn check(dimension: usize, parameters: &LanczosParameters) -> Result<Self, Error> {
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
        let wanted =
            if end == SpectrumEnd::Both { count.saturating_mul(2) } else { count }.min(dimension);
        let max_basis = parameters.max_basis.min(dimension);
        if max_basis < (wanted + 2).min(dimension) {
            let requirement = "at least the pairs wanted and two (both ends want 2·count): a restart \
                 keeps the pairs and needs room for new directions";
            return refuse("max_basis", parameters.max_basis as f64, requirement);
        }
        // A restart keeps the wanted pairs and a third of the remaining room: their neighbours
        // carry most of what the discarded directions knew of the wanted ones.
        let kept = wanted + (max_basis - wanted) / 3;
        let least_basis = parameters.least_basis.min(max_basis);
        Ok(Self {
            dimension,
            end,
            wanted,
            kept,
            max_basis,
            least_basis,
            max_products,
            tolerance,
            relative_floor,
        })
    }

    /// Columns between two looks at the Ritz pairs: one for few pairs; a dense eigenproblem at
    /// every product would cost more than the product for hundreds.
    pub(super) fn interval(&self, size: usize) -> usize {
        (self.wanted / 8).max(size / 32).max(1)
    }

    /// Whether another expansion would leave too few products for the residuals.
    pub(super) fn spent<O: SymmetricOperator + ?Sized>(&self, krylov: &Krylov<'_, O>) -> bool {
        krylov.products() + 1 + self.wanted.min(krylov.size() + 1) > self.max_products
    }

    /// Whether a look that misses would leave too few products to go on and look again.
    pub(super) fn nearly_spent<O: SymmetricOperator + ?Sized>(
        &self,
        krylov: &Krylov<'_, O>,
    ) -> bool {
        krylov.products() + 2 * self.wanted + 1 > self.max_products
    }

    /// Ritz indices (of an ascending list), the wanted first and then their neighbours.
    pub(super) fn order(&self, size: usize) -> Vec<usize> {
        match self.end {
            SpectrumEnd::Largest => (0..size).rev().collect(),
            SpectrumEnd::Smallest => (0..size).collect(),
            SpectrumEnd::Both => {
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
            SpectrumEnd::Largest => (count, 0),
            SpectrumEnd::Smallest => (0, count),
            SpectrumEnd::Both => (count.div_ceil(2), count / 2),
        }
    }

    /// Products of a probe that refill the basis as far as a restart does.
    fn usual_probe(&self) -> usize {
        self.max_basis - self.kept
    }

    /// The size at which a probe that met an invariant subspace ends.
    pub(super) fn probe_size(&self) -> usize {
        self.wanted + self.usual_probe()
    }

    /// Whether a probe, the columns beyond those wanted, has been followed long enough: until a pair that
    /// belongs to those wanted is missed with a probability of at most [`MISSED`], or, where the
    /// whole basis would not bring that about, as far as a restart refills it.
    pub(super) fn is_followed<O: SymmetricOperator + ?Sized>(
        &self,
        krylov: &Krylov<'_, O>,
        ritz: &SymmetricEigen,
    ) -> bool {
        let size = krylov.size();
        let products = size.saturating_sub(self.wanted);
        let (high, low) = self.ends(size);
        let is_unknown = |which: &usize| {
            let known = KNOWN * self.scale(krylov, ritz.values[*which]);
            self.outside(krylov, ritz, *which) > known
        };
        let end = |last: usize, unknown: Option<usize>, farthest: usize, sign: f64| {
            let excess = unknown.map_or(0.0, |unknown| {
                let allowed = self.tolerance * self.scale(krylov, ritz.values[last]);
                let beyond = sign * (ritz.values[last] - ritz.values[unknown]) + allowed;
                beyond / (sign * (ritz.values[unknown] - ritz.values[farthest]))
            });
            let missed = |products| probability_of_a_miss(self.dimension, products, excess);
            let hopeless = missed(self.max_basis - self.wanted) > HOPELESS;
            missed(products) <= MISSED || hopeless && products >= self.usual_probe()
        };
        let mut others = low..size - high;
        (high == 0 || end(size - high, others.clone().rev().find(is_unknown), 0, 1.0))
            && (low == 0 || end(low - 1, others.find(is_unknown), size - 1, -1.0))
    }

    /// The estimated residual of a Ritz pair.
    fn outside<O: SymmetricOperator + ?Sized>(
        &self,
        krylov: &Krylov<'_, O>,
        ritz: &SymmetricEigen,
        which: usize,
    ) -> f64 {
        krylov.coupling() * ritz.vectors[(krylov.size() - 1, which)].abs()
    }

    /// What a residual is judged against: |λ|, and at least the floor's share of ‖A‖.
    fn scale<O: SymmetricOperator + ?Sized>(&self, krylov: &Krylov<'_, O>, value: f64) -> f64 {
        value.abs().max(self.relative_floor * krylov.norm_estimate())
    }

    pub(super) fn relative<O: SymmetricOperator + ?Sized>(
        &self,
        krylov: &Krylov<'_, O>,
        value: f64,
        residual: f64,
    ) -> f64 {
        share(krylov, value, residual, self.scale(krylov, value))
    }

    /// Whether every wanted Ritz value is what it was, to a share of the tolerance and to rounding.
    pub(super) fn is_unmoved<O: SymmetricOperator + ?Sized>(
        &self,
        krylov: &Krylov<'_, O>,
        ritz: &SymmetricEigen,
        before: &[Residual],
        share: f64,
    ) -> bool {
        self.order(krylov.size()).iter().zip(before).all(|(&which, before)| {
            let scale = self.scale(krylov, before.value);
            let allowed = share * self.tolerance * scale + krylov.zero();
            (ritz.values[which] - before.value).abs() <= allowed
        })
    }

    /// Whether no other pair belongs to those wanted: not even with its estimated residual does one reach
    /// beyond the last wanted by more than its tolerance. A pair that is next and known says nothing of
    /// one behind it that is on its way up.
    pub(super) fn is_resolved<O: SymmetricOperator + ?Sized>(
        &self,
        krylov: &Krylov<'_, O>,
        ritz: &SymmetricEigen,
    ) -> bool {
        let size = krylov.size();
        let (high, low) = self.ends(size);
        let stays_behind = |last: usize, sign: f64| {
            let allowed = self.tolerance * self.scale(krylov, ritz.values[last]);
            (low..size - high).all(|which| {
                let beyond = sign * (ritz.values[which] - ritz.values[last]);
                beyond + self.outside(krylov, ritz, which) <= allowed
            })
        };
        (high == 0 || stays_behind(size - high, 1.0)) && (low == 0 || stays_behind(low - 1, -1.0))
    }

    pub(super) fn progress<O: SymmetricOperator + ?Sized>(
        &self,
        krylov: &Krylov<'_, O>,
        ritz: &SymmetricEigen,
    ) -> LanczosProgress {
        let size = krylov.size();
        let order = self.order(size);
        let estimate = |&which: &usize| {
            let outside = self.outside(krylov, ritz, which);
            self.relative(krylov, ritz.values[which], outside)
        };
        let worst = order.iter().take(self.wanted).map(estimate).fold(0.0, f64::max);
        LanczosProgress {
            products: krylov.products(),
            value: ritz.values[order[0]],
            relative_residual: if size < self.wanted { f64::INFINITY } else { worst },
        }
    }

    pub(super) fn spectrum<O: SymmetricOperator + ?Sized>(
        &self,
        krylov: Krylov<'_, O>,
        found: &[Residual],
        stop: SolverStop,
    ) -> RitzPairs {
        let (products, norm_estimate) = (krylov.products(), krylov.norm_estimate());
        let pair = |at: &Residual| EigenPair {
            value: at.value,
            vector: Vec::new(),
            residual: at.norm,
            relative_residual: share(&krylov, at.value, at.norm, at.value.abs()),
            converged: self.relative(&krylov, at.value, at.norm) <= self.tolerance,
        };
        let mut pairs: Vec<EigenPair> = found.iter().map(pair).collect();
        for (pair, vector) in pairs.iter_mut().zip(krylov.into_vectors(found.len())) {
            pair.vector = vector;
        }
        let (top, bottom) = pairs.split_at_mut(self.ends(found.len()).0);
        top.sort_by(|a, b| b.value.total_cmp(&a.value));
        bottom.sort_by(|a, b| a.value.total_cmp(&b.value));
        RitzPairs { pairs, products, stop, norm_estimate }
    }
}

/// √(2P/π) / (√ε T_{m−1}(1 + 2ε)), at most 1: what [`super::lanczos`] derives of m `products` from a random
/// direction of P dimensions and an eigenvalue of the excess ε.
fn probability_of_a_miss(dimension: usize, products: usize, excess: f64) -> f64 {
    if products < 2 || excess.is_nan() || excess <= 0.0 {
        return 1.0;
    }
    // cosh overflows to infinity, and the probability is then 0.
    let chebyshev = ((products - 1) as f64 * (1.0 + 2.0 * excess).acosh()).cosh();
    let directions = (2.0 * dimension as f64 / std::f64::consts::PI).sqrt();
    (directions / (excess.sqrt() * chebyshev)).min(1.0)
}

/// residual/scale, finite, and zero where rounding alone makes the eigenvalue and its residual.
fn share<O: SymmetricOperator + ?Sized>(
    krylov: &Krylov<'_, O>,
    value: f64,
    residual: f64,
    scale: f64,
) -> f64 {
    let is_zero = value.abs().max(residual) <= krylov.zero();
    if is_zero || residual == 0.0 { 0.0 } else { (residual / scale).min(f64::MAX) }
}
