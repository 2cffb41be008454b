//! The dense reference: C and D as P² × P² matrices.

use faer::Mat;
use minimascope_linop::generalised_eigen;

use crate::Error;

/// Largest P accepted: the eigenproblem has dimension P² and takes P⁶ operations.
const LARGEST: usize = 20;

/// λ_max(C⁺D) from n dense P × P Hessians (one after the other), with C = ½(H⊗I + I⊗H) and
/// D = (1−p) H⊗H + (p/n) Σ H_i⊗H_i formed entry by entry. The critical learning rate is 2 over it.
/// Nothing is shared with the matrix-free form, which is tested against it.
///
/// # Errors
/// Sizes that disagree, P > 20, NaN.
pub fn largest_ratio(parameters: usize, hessians: &[f64], noise: f64) -> Result<f64, Error> {
    let size = parameters * parameters;
    if parameters > LARGEST {
        return Err(Error::TooLargeForKronecker { parameters, limit: LARGEST });
    }
    if parameters == 0 || hessians.is_empty() || !hessians.len().is_multiple_of(size) {
        let (expected, found) = (size.max(1), hessians.len());
        return Err(Error::Shape { what: "the example Hessians", expected, found });
    }
    let examples = (hessians.len() / size) as f64;
    let entry = |hessian: &[f64], a: usize, b: usize| hessian[a * parameters + b];
    let mean: Vec<f64> = (0..size)
        .map(|at| hessians.iter().skip(at).step_by(size).sum::<f64>() / examples)
        .collect();
    let delta = |a: usize, b: usize| f64::from(u8::from(a == b));
    // Row (a, b), column (c, d): (X⊗Y) S has entries Σ X_ac Y_bd S_cd.
    let split = |at: usize| (at / parameters, at % parameters);
    let c = Mat::from_fn(size, size, |row, column| {
        let ((a, b), (c, d)) = (split(row), split(column));
        0.5 * (entry(&mean, a, c) * delta(b, d) + delta(a, c) * entry(&mean, b, d))
    });
    let d = Mat::from_fn(size, size, |row, column| {
        let ((a, b), (c, d)) = (split(row), split(column));
        let each = hessians.chunks_exact(size).map(|h| entry(h, a, c) * entry(h, b, d));
        (1.0 - noise) * entry(&mean, a, c) * entry(&mean, b, d)
            + noise / examples * each.sum::<f64>()
    });
    // range(C) up to the rounding of an eigendecomposition of dimension P².
    let solved = generalised_eigen(d.as_ref(), c.as_ref(), 1e-12)?;
    solved.values.last().copied().ok_or(Error::NoCurvature)
}
