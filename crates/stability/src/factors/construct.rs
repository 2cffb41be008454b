//! Factors from rows, from a Gram matrix, from leading eigenpairs of H, and from dense Hessians.

use super::ExampleFactors;
use crate::Error;
use crate::dense::{axpy, dot, eigen, product};

/// Directions of curvature below this fraction of the largest count as outside range(H): a dense
/// eigensolver knows eigenvalues to about dimension·ε ≈ 1e-13 of the largest at dimension 1,000.
const RANGE_FLOOR: f64 = 1e-12;

/// A negative eigenvalue of some H_i up to this fraction of its largest is taken for rounding.
const NEGATIVE_FLOOR: f64 = 1e-10;

impl ExampleFactors {
    /// From all rows of all A_i in any orthonormal basis of the full space: `rows` is nK × P
    /// row-major, row i·K + k being row k of A_i. Costs one eigendecomposition of size min(P, nK).
    ///
    /// # Errors
    /// Sizes that disagree, n < 2, NaN, or all rows zero.
    pub fn from_rows(
        examples: usize,
        outputs: usize,
        parameters: usize,
        rows: &[f64],
    ) -> Result<Self, Error> {
        let count = checked_count(examples, outputs)?;
        check("the rows of the factors", rows, count * parameters)?;
        if parameters == 0 {
            return Err(Error::Zero("the number of parameters"));
        }
        if parameters > count {
            let mut gram = vec![0.0; count * count];
            for (j, column) in gram.chunks_exact_mut(count).enumerate() {
                let row = &rows[j * parameters..][..parameters];
                for (value, other) in column.iter_mut().zip(rows.chunks_exact(parameters)) {
                    *value = dot(row, other);
                }
            }
            return Self::from_gram(examples, outputs, &gram);
        }
        let mut mean = vec![0.0; parameters * parameters];
        product((rows, parameters), (rows, true), 1.0 / examples as f64, &mut mean);
        let solved = eigen(&mean, parameters)?;
        let rank = leading(&solved.values)?;
        // In the eigenbasis Aᵀ becomes VᵀAᵀ, r × nK.
        let mut basis = vec![0.0; rank * parameters];
        for (a, vector) in solved.vectors.chunks_exact(parameters).take(rank).enumerate() {
            for (j, value) in vector.iter().enumerate() {
                basis[j * rank + a] = *value;
            }
        }
        let mut rotated = vec![0.0; rank * count];
        product((&basis, rank), (rows, false), 1.0, &mut rotated);
        let curvatures = solved.values[..rank].to_vec();
        Ok(Self {
            examples,
            outputs,
            curvatures,
            blocks: blocks_of(outputs, rank, &rotated),
            rows: rotated,
            tail: 0.0,
        })
    }

    /// From the Gram matrix G = AAᵀ, nK × nK: G/n = U diag(h) Uᵀ has the nonzero eigenvalues of H,
    /// and A = √n U diag(h)^{1/2} in H's eigenbasis. One eigendecomposition of size nK.
    ///
    /// # Errors
    /// As [`ExampleFactors::from_rows`].
    pub fn from_gram(examples: usize, outputs: usize, gram: &[f64]) -> Result<Self, Error> {
        let count = checked_count(examples, outputs)?;
        check("the Gram matrix", gram, count * count)?;
        let solved = eigen(gram, count)?;
        let scale = 1.0 / examples as f64;
        let values: Vec<f64> = solved.values.iter().map(|v| v * scale).collect();
        let rank = leading(&values)?;
        let blocks = (0..examples)
            .flat_map(|i| (0..outputs * outputs).map(move |at| (i, at / outputs, at % outputs)))
            .map(|(i, k, l)| gram[(i * outputs + k) * count + i * outputs + l])
            .collect();
        let rows = rows_from_modes(examples, &values[..rank], &solved.vectors, count);
        Ok(Self { examples, outputs, curvatures: values[..rank].to_vec(), rows, blocks, tail: 0.0 })
    }

    /// From r leading eigenpairs of G/n: `curvatures` decreasing, `left` their unit eigenvectors
    /// (nK × r column-major), `blocks` the n full K × K blocks of G, and `tail` an upper bound on
    /// the remaining eigenvalues (the last one kept, plus its residual, for a converged Lanczos).
    ///
    /// # Errors
    /// As [`ExampleFactors::from_rows`], and curvatures that are not positive and decreasing.
    pub fn from_leading_eigenvectors(
        (examples, outputs): (usize, usize),
        curvatures: &[f64],
        left: &[f64],
        blocks: &[f64],
        tail: f64,
    ) -> Result<Self, Error> {
        let count = checked_count(examples, outputs)?;
        check("the curvatures", curvatures, curvatures.len())?;
        check("the eigenvectors of the Gram matrix", left, count * curvatures.len())?;
        check("the blocks of the Gram matrix", blocks, count * outputs)?;
        if tail.is_nan() || tail < 0.0 {
            return Err(Error::NotFinite("the bound on the curvatures left out"));
        }
        let rank = leading(curvatures)?;
        let rows = rows_from_modes(examples, &curvatures[..rank], left, count);
        let (curvatures, blocks) = (curvatures[..rank].to_vec(), blocks.to_vec());
        Ok(Self { examples, outputs, curvatures, rows, blocks, tail })
    }

    /// From n dense P × P positive semi-definite Hessians, one after the other: H_i = V Λ Vᵀ gives
    /// A_i = Λ^{1/2}Vᵀ, padded with zero rows to the largest rank. For small P.
    ///
    /// # Errors
    /// As [`ExampleFactors::from_rows`], and [`Error::NegativeExample`].
    pub fn from_hessians(
        examples: usize,
        parameters: usize,
        hessians: &[f64],
    ) -> Result<Self, Error> {
        checked_count(examples, parameters)?;
        let size = parameters * parameters;
        check("the example Hessians", hessians, examples * size)?;
        let mut rows = vec![0.0; examples * size];
        for (example, hessian) in hessians.chunks_exact(size).enumerate() {
            let solved = eigen(hessian, parameters)?;
            let smallest = solved.values[parameters - 1];
            if smallest < -NEGATIVE_FLOOR * solved.values[0].abs().max(-smallest) {
                return Err(Error::NegativeExample { example, value: smallest });
            }
            let out = &mut rows[example * size..][..size];
            for (k, row) in out.chunks_exact_mut(parameters).enumerate() {
                let vector = &solved.vectors[k * parameters..][..parameters];
                axpy(solved.values[k].max(0.0).sqrt(), vector, row);
            }
        }
        Self::from_rows(examples, parameters, parameters, &rows)
    }
}

fn checked_count(examples: usize, outputs: usize) -> Result<usize, Error> {
    if examples < 2 {
        return Err(Error::TooFewExamples(examples));
    }
    if outputs == 0 {
        return Err(Error::Zero("the number of outputs"));
    }
    Ok(examples * outputs)
}

fn check(what: &'static str, values: &[f64], expected: usize) -> Result<(), Error> {
    if values.len() != expected {
        return Err(Error::Shape { what, expected, found: values.len() });
    }
    if values.iter().all(|v| v.is_finite()) { Ok(()) } else { Err(Error::NotFinite(what)) }
}

/// How many of the decreasing eigenvalues lie above the floor.
fn leading(values: &[f64]) -> Result<usize, Error> {
    match values.first() {
        Some(&largest) if largest > 0.0 => {
            Ok(values.iter().take_while(|v| **v > RANGE_FLOOR * largest).count())
        }
        _ => Err(Error::NoCurvature),
    }
}

/// Aᵀ (r × nK) with A = √n U diag(h)^{1/2}.
fn rows_from_modes(examples: usize, curvatures: &[f64], left: &[f64], count: usize) -> Vec<f64> {
    let rank = curvatures.len();
    let mut rows = vec![0.0; rank * count];
    for (a, (h, vector)) in curvatures.iter().zip(left.chunks_exact(count)).enumerate() {
        let scale = (examples as f64 * h).sqrt();
        for (row, value) in rows.chunks_exact_mut(rank).zip(vector) {
            row[a] = scale * value;
        }
    }
    rows
}

pub(super) fn blocks_of(outputs: usize, rank: usize, rows: &[f64]) -> Vec<f64> {
    let mut blocks = Vec::with_capacity(rows.len() / rank * outputs);
    for factor in rows.chunks_exact(rank * outputs) {
        for row in factor.chunks_exact(rank) {
            blocks.extend(factor.chunks_exact(rank).map(|other| dot(row, other)));
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problems::random_rows;

    /// The same problem from its rows and from its Gram matrix has the same H and blocks.
    #[test]
    fn rows_and_gram_agree() {
        let (n, k, p) = (4, 2, 6);
        let rows = random_rows(n * k, p, 3);
        let from_rows = ExampleFactors::from_rows(n, k, p, &rows).unwrap();
        let mut gram = vec![0.0; n * k * n * k];
        product((&transpose(&rows, p), n * k), (&rows, false), 1.0, &mut gram);
        let from_gram = ExampleFactors::from_gram(n, k, &gram).unwrap();
        assert_eq!(from_rows.rank(), from_gram.rank());
        for (a, b) in from_rows.curvatures().iter().zip(from_gram.curvatures()) {
            assert!((a - b).abs() < 1e-12 * from_rows.sharpness(), "{a} against {b}");
        }
        for (a, b) in from_rows.blocks.iter().zip(&from_gram.blocks) {
            assert!((a - b).abs() < 1e-11, "{a} against {b}");
        }
        // In this basis H is diagonal: Σ_rows x_a x_b / n = h_a δ_ab.
        for factors in [&from_rows, &from_gram] {
            let r = factors.rank();
            let mut mean = vec![0.0; r * r];
            product((&factors.rows, r), (&factors.rows, true), 1.0 / n as f64, &mut mean);
            for (at, value) in mean.iter().enumerate() {
                let expected = if at % r == at / r { factors.curvatures[at % r] } else { 0.0 };
                assert!((value - expected).abs() < 1e-12 * factors.sharpness());
            }
        }
    }

    fn transpose(rows: &[f64], p: usize) -> Vec<f64> {
        let count = rows.len() / p;
        (0..p).flat_map(|j| (0..count).map(move |i| rows[i * p + j])).collect()
    }

    /// Operators that are known by their products give what their matrices give, bit for bit, and
    /// not quite symmetric ones what their symmetric parts give.
    #[test]
    fn bad_input_is_refused() {
        let refuse = |hessians: &[f64]| ExampleFactors::from_hessians(2, 1, hessians).unwrap_err();
        assert!(matches!(refuse(&[1.0, -1.0]), Error::NegativeExample { example: 1, .. }));
        assert!(matches!(refuse(&[1.0, f64::NAN]), Error::NotFinite(_)));
        assert!(matches!(refuse(&[0.0, 0.0]), Error::NoCurvature));
        assert!(matches!(refuse(&[1.0]), Error::Shape { expected: 2, found: 1, .. }));
    }
}
