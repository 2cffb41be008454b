//! Dense eigenproblems against closed forms, and the operators against their matrices.

mod planted;

use minimascope_linop::{
    DenseSymmetric, Error, LanczosParameters, Mat, SpectrumEnd, SymmetricOperator, as_matrix,
    generalised_eigen, lanczos, silent, symmetric_eigen, symmetric_eigenvalues,
};
use planted::Planted;
use proptest::prelude::*;

/// The second difference on `n` points: eigenvalues 2 − 2 cos(kπ/(n + 1)), k = 1 … n.
fn second_difference(n: usize) -> Mat<f64> {
    Mat::from_fn(n, n, |i, j| match i.abs_diff(j) {
        0 => 2.0,
        1 => -1.0,
        _ => 0.0,
    })
}

fn second_difference_value(n: usize, k: usize) -> f64 {
    2.0 - 2.0 * (std::f64::consts::PI * (k + 1) as f64 / (n + 1) as f64).cos()
}

/// Backward stability: eigenvalues to a modest multiple of size·ε·‖A‖ (LAPACK Users' Guide §4.7).
fn rounding(size: usize, norm: f64) -> f64 {
    10.0 * size as f64 * f64::EPSILON * norm
}

#[test]
fn every_size_up_to_seventy_has_its_closed_form() {
    for n in 1..=70 {
        let matrix = second_difference(n);
        let eigen = symmetric_eigen(matrix.as_ref()).unwrap();
        let values = symmetric_eigenvalues(matrix.as_ref()).unwrap();
        let bound = rounding(n, 4.0);
        for (k, value) in values.iter().enumerate() {
            let exact = second_difference_value(n, k);
            assert!((eigen.values[k] - exact).abs() <= bound, "size {n}, value {k}");
            assert!((value - exact).abs() <= bound, "size {n}, value {k}");
            let v = eigen.vectors.col(k);
            let residual = (&matrix * v - v * faer::Scale(eigen.values[k])).norm_l2();
            assert!(
                residual <= bound && (v.norm_l2() - 1.0).abs() <= bound,
                "size {n}: {residual}"
            );
        }
        let gram = eigen.vectors.transpose() * &eigen.vectors;
        assert!((gram - Mat::<f64>::identity(n, n)).norm_max() <= bound, "size {n}");
    }
}

#[test]
fn only_the_lower_triangle_is_read() {
    let mut matrix = second_difference(5);
    let expected = symmetric_eigenvalues(matrix.as_ref()).unwrap();
    (0..5).for_each(|j| (0..j).for_each(|i| matrix[(i, j)] = 99.0));
    assert_eq!(symmetric_eigenvalues(matrix.as_ref()).unwrap(), expected);
}

#[test]
fn generalised_values_of_commuting_matrices_are_quotients() {
    // A and B share the eigenvectors of the second difference; B vanishes on three of them.
    let n = 12;
    let eigen = symmetric_eigen(second_difference(n).as_ref()).unwrap();
    let function = |f: &dyn Fn(usize) -> f64| {
        let scaled = Mat::from_fn(n, n, |i, j| eigen.vectors[(i, j)] * f(j));
        scaled * eigen.vectors.transpose()
    };
    let (a, b) = (|k: usize| k as f64 - 4.5, |k: usize| if k < 3 { 0.0 } else { 1.0 + k as f64 });
    let found = generalised_eigen(function(&a).as_ref(), function(&b).as_ref(), 1e-12).unwrap();
    let mut expected: Vec<f64> = (3..n).map(|k| a(k) / b(k)).collect();
    expected.sort_by(f64::total_cmp);
    assert_eq!((found.rank, found.values.len(), found.vectors.ncols()), (9, 9, 9));
    for (value, expected) in found.values.iter().zip(expected) {
        // The quotient's condition: ‖A‖/β_min + |value|·‖B‖/β_min, at most 12.
        assert!((value - expected).abs() <= 12.0 * rounding(n, 1.0), "{value} {expected}");
    }
    let metric = found.vectors.transpose() * function(&b) * &found.vectors;
    assert!((metric - Mat::<f64>::identity(9, 9)).norm_max() <= 12.0 * rounding(n, 1.0));
    // Only the lower triangle of A is read.
    let mut broken = function(&a);
    (0..n).for_each(|j| (0..j).for_each(|i| broken[(i, j)] = 7.0));
    let again = generalised_eigen(broken.as_ref(), function(&b).as_ref(), 1e-12).unwrap();
    for (value, again) in found.values.iter().zip(again.values) {
        assert!((value - again).abs() <= 12.0 * rounding(n, 1.0));
    }
}

#[test]
fn dense_problems_refuse_what_they_cannot_solve() {
    let good = second_difference(3);
    let mut bad = good.clone();
    bad[(2, 1)] = f64::NAN;
    let named = |error: Error| matches!(error, Error::MatrixNotFinite { row: 2, column: 1, .. });
    assert!(named(symmetric_eigen(bad.as_ref()).unwrap_err()));
    assert!(named(symmetric_eigenvalues(bad.as_ref()).unwrap_err()));
    assert!(named(generalised_eigen(bad.as_ref(), good.as_ref(), 0.0).unwrap_err()));
    assert!(named(generalised_eigen(good.as_ref(), bad.as_ref(), 0.0).unwrap_err()));
    assert!(named(DenseSymmetric::new(bad.as_ref()).unwrap_err()));
    let wide = Mat::<f64>::zeros(2, 3);
    assert!(matches!(
        symmetric_eigen(wide.as_ref()),
        Err(Error::NotSquare { rows: 2, columns: 3, .. })
    ));
    assert_eq!(symmetric_eigen(Mat::<f64>::zeros(0, 0).as_ref()).unwrap_err(), Error::Empty);
    let small = second_difference(2);
    let error = generalised_eigen(good.as_ref(), small.as_ref(), 0.0).unwrap_err();
    assert_eq!(error, Error::SizeMismatch { left: 3, right: 2 });
    let negative = DenseSymmetric::diagonal(&[1.0, -0.5, 2.0]);
    let error = generalised_eigen(good.as_ref(), negative.matrix(), 1e-9).unwrap_err();
    assert!(matches!(error, Error::Indefinite { .. }) && error.to_string().contains("-5e-1"));
    assert!(generalised_eigen(good.as_ref(), good.as_ref(), 1.0).is_err());
    let nothing = generalised_eigen(good.as_ref(), Mat::zeros(3, 3).as_ref(), 1e-9).unwrap();
    assert_eq!((nothing.rank, nothing.values.len()), (0, 0));
    let mut lopsided = good.clone();
    lopsided[(0, 1)] = -0.5;
    let error = DenseSymmetric::new(lopsided.as_ref()).unwrap_err();
    assert!(
        matches!(error, Error::NotSymmetric { row: 1, column: 0, difference: 0.5, .. }),
        "{error}"
    );
}

#[test]
fn operators_have_the_matrices_they_say() {
    // 300 rows, so that the parallel product runs; small integers, so that it is exact.
    let n = 300;
    let entry = |i: usize, j: usize| ((i * j + i + j) % 7) as f64 - 3.0;
    let matrix = Mat::from_fn(n, n, entry);
    let mut dense = DenseSymmetric::new(matrix.as_ref()).unwrap();
    assert_eq!(as_matrix(&mut dense).unwrap(), matrix);
    let mut boxed: Box<dyn SymmetricOperator> = Box::new(DenseSymmetric::diagonal(&[1.0, 2.0]));
    assert_eq!(as_matrix(&mut boxed).unwrap()[(1, 1)], 2.0);
    let values: Vec<f64> = (0..20).map(|i| f64::from(i * i)).collect();
    let found =
        symmetric_eigenvalues(as_matrix(&mut Planted::new(&values)).unwrap().as_ref()).unwrap();
    for (found, planted) in found.iter().zip(&values) {
        assert!((found - planted).abs() <= rounding(20, 361.0), "the planted spectrum is there");
    }
}

/// Large enough to be cut into tasks: the bits do not depend on the threads that run them.
#[test]
fn a_large_eigenproblem_has_the_same_bits_on_any_number_of_threads() {
    let size = 600;
    let matrix = Mat::from_fn(size, size, |i, j| {
        let (low, high) = (i.min(j) as f64, i.max(j) as f64);
        (1.3 * low + 0.7 * high).sin() / (1.0 + high - low)
    });
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| symmetric_eigen(matrix.as_ref()).unwrap())
    };
    let one = on(1);
    for threads in [2, 5] {
        let more = on(threads);
        assert!(one.values == more.values && one.vectors == more.vectors, "{threads} threads");
    }
    let norm = one.values.iter().fold(0.0f64, |norm, value| norm.max(value.abs()));
    for j in [0, size / 2, size - 1] {
        let column = one.vectors.col(j);
        let image = &matrix * column;
        let residual = (&image - faer::Scale(one.values[j]) * column).norm_l2();
        assert!(residual <= rounding(size, norm), "pair {j}: {residual}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any small symmetric matrix, entries of any sign and many of them equal: Lanczos finds what
    /// the dense solver finds, at both ends, multiplicities included.
    #[test]
    fn lanczos_agrees_with_the_dense_solver(
        n in 1usize..12,
        entries in prop::collection::vec(prop_oneof![3 => Just(0.0), 3 => Just(1.0), 4 => -3.0..3.0f64], 66),
        count in 1usize..5,
        seed in any::<u64>(),
    ) {
        let index = |i: usize, j: usize| i.max(j) * (i.max(j) + 1) / 2 + i.min(j);
        let matrix = Mat::from_fn(n, n, |i, j| entries[index(i, j)]);
        let exact = symmetric_eigenvalues(matrix.as_ref()).unwrap();
        let norm = exact[0].abs().max(exact[n - 1].abs());
        let mut operator = DenseSymmetric::new(matrix.as_ref()).unwrap();
        let parameters = LanczosParameters {
            tolerance: 1e-8,
            seed,
            ..LanczosParameters::new(SpectrumEnd::Both, count)
        };
        let spectrum = lanczos(&mut operator, &parameters, None, &mut silent).unwrap();
        prop_assert!(spectrum.converged());
        let wanted = (2 * count).min(n);
        prop_assert_eq!(spectrum.pairs.len(), wanted);
        let top = exact.iter().rev().take(wanted.div_ceil(2));
        for (pair, exact) in spectrum.pairs.iter().zip(top.chain(exact.iter().take(wanted / 2))) {
            prop_assert!((pair.value - exact).abs() <= pair.residual + rounding(n, norm));
        }
    }
}
