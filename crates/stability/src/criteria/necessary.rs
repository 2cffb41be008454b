//! Cheap necessary bounds: upper bounds of η* from rank-one and identity second moments.
//!
//! For every S ⪰ 0, η* ≤ 2⟨S, C(S)⟩/⟨S, D(S)⟩. S = vvᵀ with v the top eigenvector of H, S = I and
//! S = vvᵀ for the best v give the three bounds. Source: Mulayoff & Michaeli 2024
//! (arXiv 2306.07850). Leading directions keep the first and third valid (each v is a direction
//! of the full space); the second uses the full blocks for its traces and bounds the rest.

use std::borrow::Cow;

use minimascope_record::threshold::{CriterionName, Proves};

use crate::criterion::{Criterion, FoundThreshold, ThresholdSetting, WithMomentum};
use crate::dense::dot;
use crate::{Batching, Error, ExampleFactors};

/// Steps of the ascent from one start.
const ASCENT_STEPS: usize = 300;
/// The ascent ends when a step improves the quotient by less than this, relatively: the bound is
/// valid at every v, only its tightness depends on it.
const ASCENT_TOLERANCE: f64 = 1e-9;
/// With more directions than these the ascents from all starts are in the leading ones, and one in
/// all of them goes on from the best: a step costs two passes over nK × r numbers.
const COARSE: usize = 800;
/// Leading eigenvectors of H, and examples of largest curvature, that an ascent starts from.
const STARTS: usize = 3;

/// 2l/(l² + p·Var_i(vᵀH_iv)) with (l, v) the top pair of H.
pub(super) const TOP_DIRECTION: Criterion =
    bound("top-direction", "bound of the top direction", |at: &mut ThresholdSetting<'_>| {
        Ok(FoundThreshold::formula(top_direction(at.factors, &at.batching)))
    });
/// 2 tr H/((1−p)‖H‖_F² + (p/n) Σ‖H_i‖_F²).
pub(super) const TRACES: Criterion = bound("traces", "bound of the traces", |at| {
    Ok(FoundThreshold::formula(isotropic(at.factors, at.batching.noise())))
});
/// 2/max_v [vᵀHv + p·Var_i(vᵀH_iv)/(vᵀHv)] over unit v.
pub(super) const BEST_DIRECTION: Criterion =
    bound("best-direction", "bound of the best direction", |at| {
        let hint = at.exact.direction_in(at.factors.rank());
        Ok(FoundThreshold::formula(best_direction(at.factors, &at.batching, Some(&hint))))
    });

const fn bound(
    name: &'static str,
    title: &'static str,
    find: fn(&mut ThresholdSetting<'_>) -> Result<Option<FoundThreshold>, Error>,
) -> Criterion {
    Criterion {
        name: CriterionName::new(name),
        title,
        proves: Proves::LeavingAbove,
        source: "Mulayoff & Michaeli 2024",
        with_momentum: WithMomentum::Omitted,
        find,
    }
}

/// The bound of H's top eigenvector. Costs one product with A.
pub fn top_direction(factors: &ExampleFactors, batching: &Batching) -> f64 {
    2.0 / Quotient::new(factors, batching.noise()).value(&unit(0, factors.rank()))
}

/// The bound of the traces. Costs nothing.
pub fn traces(factors: &ExampleFactors, batching: &Batching) -> f64 {
    isotropic(factors, batching.noise())
}

/// The bound of the best direction that ascents find: valid and at most [`top_direction`], and perhaps
/// not the least, since a maximum that is found may be a local one. `hint` is one more start, for
/// example the top eigenvector of the Perron matrix. Costs some hundred products with A and Aᵀ.
pub fn best_direction(factors: &ExampleFactors, batching: &Batching, hint: Option<&[f64]>) -> f64 {
    let (largest, _) = steepest(factors, batching.noise(), hint, COARSE);
    (2.0 / largest).min(top_direction(factors, batching))
}

/// max φ and its v, over ascents from all starts in `coarse` leading directions, and in all from the best.
fn steepest(
    factors: &ExampleFactors,
    noise: f64,
    hint: Option<&[f64]>,
    coarse: usize,
) -> (f64, Vec<f64>) {
    let rank = factors.rank();
    let leading =
        if rank > coarse { Cow::Owned(factors.truncated(coarse)) } else { Cow::Borrowed(factors) };
    let mut starts: Vec<Vec<f64>> = (0..STARTS.min(rank)).map(|a| unit(a, rank)).collect();
    starts.extend(steepest_examples(factors));
    starts.extend(hint.map(<[f64]>::to_vec));
    let mut quotient = Quotient::new(&leading, noise);
    let mut best = (0.0, unit(0, rank));
    for mut start in starts {
        start.truncate(leading.rank());
        if start.iter().all(|x| *x == 0.0) {
            continue;
        }
        let found = quotient.ascend(start);
        if found.0 > best.0 {
            best = found;
        }
    }
    if rank > coarse {
        best.1.resize(rank, 0.0);
        best = Quotient::new(factors, noise).ascend(best.1);
    }
    best
}

/// The unit vector of direction a.
fn unit(a: usize, rank: usize) -> Vec<f64> {
    let mut v = vec![0.0; rank];
    v[a] = 1.0;
    v
}

/// 2 tr H/((1−p)‖H‖_F² + (p/n)Σ‖H_i‖_F²). With leading directions ‖H‖_F² lacks its tail, which
/// can only enlarge the bound.
fn isotropic(factors: &ExampleFactors, noise: f64) -> f64 {
    let mean = dot(factors.curvatures(), factors.curvatures());
    let each = (0..factors.examples()).map(|i| dot(factors.block(i), factors.block(i)));
    let each = each.sum::<f64>() / factors.examples() as f64;
    2.0 * factors.trace() / ((1.0 - noise) * mean + noise * each)
}

/// Directions of the rows of the examples with the largest tr H_i.
fn steepest_examples(factors: &ExampleFactors) -> Vec<Vec<f64>> {
    let (k, rank) = (factors.outputs(), factors.rank());
    let trace = |i: usize| factors.block(i).iter().step_by(k + 1).sum::<f64>();
    let mut order: Vec<usize> = (0..factors.examples()).collect();
    order.sort_by(|a, b| trace(*b).total_cmp(&trace(*a)));
    let rows = order.into_iter().take(STARTS).map(|i| {
        let norm = |l: &usize| dot(factors.row(i, *l), factors.row(i, *l));
        let row = (0..k).max_by(|a, b| norm(a).total_cmp(&norm(b))).unwrap_or(0);
        factors.row(i, row).to_vec()
    });
    rows.filter(|row| row.len() == rank && dot(row, row) > 0.0).collect()
}

/// φ(v) = [(1−p)(vᵀHv)² + p·mean_i (vᵀH_iv)²]/(vᵀHv) at |v| = 1.
struct Quotient<'a> {
    factors: &'a ExampleFactors,
    noise: f64,
    outputs: Vec<f64>,
    gradient: Vec<f64>,
}

impl<'a> Quotient<'a> {
    fn new(factors: &'a ExampleFactors, noise: f64) -> Self {
        let outputs = vec![0.0; factors.examples() * factors.outputs()];
        Self { factors, noise, outputs, gradient: vec![0.0; factors.rank()] }
    }

    /// (vᵀHv, numerator); leaves Av in `outputs`.
    fn parts(&mut self, v: &[f64]) -> (f64, f64) {
        self.factors.apply_rows(v, &mut self.outputs);
        let n = self.factors.examples() as f64;
        let each = self.outputs.chunks_exact(self.factors.outputs()).map(|u| dot(u, u));
        let (sum, squares) = each.fold((0.0, 0.0), |(s, q), c| (s + c, q + c * c));
        let mean = sum / n;
        (mean, (1.0 - self.noise) * mean * mean + self.noise * squares / n)
    }

    fn value(&mut self, v: &[f64]) -> f64 {
        let (mean, numerator) = self.parts(v);
        numerator / mean
    }

    /// Leaves half the gradient of φ, projected on the sphere's tangent, in `gradient`; returns φ.
    fn differentiate(&mut self, v: &[f64]) -> f64 {
        let (mean, numerator) = self.parts(v);
        let value = numerator / mean;
        let n = self.factors.examples() as f64;
        // ∇/2 of the numerator is Σ_i 2[(1−p)·mean + p·c_i] H_iv/n, of the denominator Hv.
        for u in self.outputs.chunks_exact_mut(self.factors.outputs()) {
            let each = dot(u, u);
            let weight = 2.0 * ((1.0 - self.noise) * mean + self.noise * each) - value;
            u.iter_mut().for_each(|u| *u *= weight / (n * mean));
        }
        self.factors.apply_rows_transposed(&self.outputs, &mut self.gradient);
        let along = dot(&self.gradient, v);
        crate::dense::axpy(-along, v, &mut self.gradient);
        value
    }

    /// Steepest ascent on the sphere with a step that doubles on success and halves on failure.
    fn ascend(&mut self, mut v: Vec<f64>) -> (f64, Vec<f64>) {
        normalise(&mut v);
        let mut value = self.differentiate(&v);
        let mut step = 1.0 / value;
        for _ in 0..ASCENT_STEPS {
            let mut trial = v.clone();
            crate::dense::axpy(step, &self.gradient, &mut trial);
            normalise(&mut trial);
            let reached = self.value(&trial);
            if reached > value {
                let settled = reached - value <= ASCENT_TOLERANCE * value;
                v = trial;
                value = self.differentiate(&v);
                step *= 2.0;
                if settled {
                    break;
                }
            } else {
                step *= 0.25;
                // The gradient still belongs to v.
                if step * dot(&self.gradient, &self.gradient).sqrt() < 1e-12 {
                    break;
                }
            }
        }
        (value, v)
    }
}

fn normalise(v: &mut [f64]) {
    let norm = dot(v, v).sqrt();
    v.iter_mut().for_each(|x| *x /= norm);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problems::random_rows;

    /// The second ascent goes on in all directions: it ends higher than the leading ones allow,
    /// where the ascents in all directions from all starts do.
    #[test]
    fn leading_directions_first_and_then_all() {
        for seed in 0..20 {
            let (n, k, p) = (9, 2, 12);
            let factors = ExampleFactors::from_rows(n, k, p, &random_rows(n * k, p, seed)).unwrap();
            let noise = 0.5;
            let (found, direction) = steepest(&factors, noise, None, 5);
            let (within, _) = steepest(&factors.truncated(5), noise, None, 5);
            let (direct, _) = steepest(&factors, noise, None, COARSE);
            assert_eq!(direction.len(), factors.rank());
            let value = Quotient::new(&factors, noise).value(&direction);
            assert!((found - value).abs() < 1e-12 * value, "seed {seed}: {found} and {value}");
            assert!(found > 1.01 * within, "seed {seed}: {found} after {within}");
            assert!(found > 0.9 * direct, "seed {seed}: {found} beside {direct}");
        }
    }
}
