//! The decoupled-noise criterion: stability from the spectrum of H alone.
//!
//! For a squared loss g_i = A_iᵀr_i. If the residuals of an example are uncorrelated with its
//! Jacobian, mean g_ig_iᵀ ≈ (2L)·H in the linearised problem, the decoupling approximation of
//! Mori, Ziyin, Liu & Ueda, "Power-law escape rate of SGD" (ICML 2022). With K outputs whose
//! residuals are also uncorrelated among themselves, 2L = tr(HS) spreads over K of them:
//!
//! D(S) ≈ (1−p) HSH + (p/K) tr(HS)·H.
//!
//! Its fixed points are diagonal in H's eigenbasis and give the critical η as the root of
//!
//! 𝒦(η) = (ηp/K) Σ_a h_a/(2 − η(1−p)h_a) = 1,
//!
//! increasing on (0, 2/((1−p)h_1)). For p → 1/B and small η this is η·tr H/(2BK) = 1: the trace, not
//! the sharpness, as in the noise kernel norm of Agarwala & Pennington (arXiv 2404.19261), whose
//! high-dimensional limit has the same form. An approximation: it is neither necessary nor
//! sufficient for a given network, and it misses non-uniformity between examples by construction.

use minimascope_record::threshold::{CriterionName, Proves};

use crate::criterion::{Criterion, FoundThreshold, ThresholdSetting, WithMomentum};
use crate::{Batching, Error};

pub(super) const CRITERION: Criterion = Criterion {
    name: CriterionName::DECOUPLED,
    title: "decoupled noise",
    proves: Proves::Nothing,
    source: "Mori, Ziyin, Liu & Ueda 2022",
    with_momentum: WithMomentum::Remarked,
    find: |at: &mut ThresholdSetting<'_>| {
        let factors = at.factors;
        let (spectrum, trace) = (factors.curvatures(), factors.trace());
        let eta = critical(spectrum, trace, factors.outputs(), &at.batching)?;
        let remark = Some("from the spectrum alone".to_owned());
        Ok(FoundThreshold::formula(eta).map(|found| FoundThreshold { remark, ..found }))
    },
};

/// The critical learning rate of the criterion.
///
/// `leading` are eigenvalues of H, `trace` its full trace: what the eigenvalues given do not carry
/// enters as many tiny ones, whose sum alone matters (a lower estimate of 𝒦). `outputs` is K; 1
/// when the residuals of an example move together.
///
/// # Errors
/// [`Error::NoCurvature`], [`Error::Zero`], [`Error::NotFinite`].
pub fn critical(
    leading: &[f64],
    trace: f64,
    outputs: usize,
    batching: &Batching,
) -> Result<f64, Error> {
    if outputs == 0 {
        return Err(Error::Zero("the number of outputs"));
    }
    if !trace.is_finite() || leading.iter().any(|h| !h.is_finite()) {
        return Err(Error::NotFinite("the spectrum"));
    }
    let largest = leading.iter().copied().fold(0.0, f64::max);
    if largest <= 0.0 {
        return Err(Error::NoCurvature);
    }
    let positive: Vec<f64> = leading.iter().copied().filter(|h| *h > 0.0).collect();
    let rest = (trace - positive.iter().sum::<f64>()).max(0.0);
    let p = batching.noise();
    if p == 0.0 {
        return Ok(2.0 / largest);
    }
    let kernel = |eta: f64| {
        let known = positive.iter().map(|h| h / (2.0 - eta * (1.0 - p) * h)).sum::<f64>();
        eta * p / outputs as f64 * (known + 0.5 * rest)
    };
    // 𝒦 ≥ ηp/K·h_1/(2 − η(1−p)h_1), which is 1 at this η: the root lies below, where 𝒦 is finite.
    let mut high = 2.0 / (largest * (p / outputs as f64 + 1.0 - p));
    let mut low = 0.0;
    // 60 halvings reach the last bit of an f64.
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if kernel(middle) < 1.0 { low = middle } else { high = middle }
    }
    Ok(0.5 * (low + high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sampling;

    fn batching(b: usize) -> Batching {
        Batching::new(100, b, Sampling::IndependentBatches).unwrap()
    }

    /// One eigenvalue: (ηp)h = 2 − η(1−p)h, so η = 2/h at every B. Many tiny eigenvalues: η = 2/(p·trace).
    #[test]
    fn closed_forms() {
        for b in [1, 7, 100] {
            assert!((critical(&[4.0], 4.0, 1, &batching(b)).unwrap() - 0.5).abs() < 1e-12);
        }
        let many = vec![1e-9; 1000];
        let eta = critical(&many, 1e-6, 1, &batching(1)).unwrap();
        assert!((eta / 2e6 - 1.0).abs() < 1e-12, "{eta}");
        // The same with most of the trace in eigenvalues not given.
        let eta = critical(&many[..10], 1e-6, 1, &batching(1)).unwrap();
        assert!((eta / 2e6 - 1.0).abs() < 1e-12, "{eta}");
        assert!(matches!(critical(&[0.0], 0.0, 1, &batching(1)), Err(Error::NoCurvature)));
    }
}
