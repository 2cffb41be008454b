//! Trace and density against exact values, within bounds derived from their standard errors.

mod planted;

use std::ops::ControlFlow;

use minimascope_linop::{
    self as linop, DenseSymmetric, DensityParameters, Error, ProbeEstimate, Quadrature,
    SpectralDensity, SymmetricOperator, as_matrix,
};
use planted::Planted;

fn go_on(_: usize) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn hutch_plus_plus(
    operator: &mut impl SymmetricOperator,
    products: usize,
    seed: u64,
) -> Result<ProbeEstimate, Error> {
    linop::hutch_plus_plus(operator, products, seed, &mut go_on).map(Option::unwrap)
}

fn spectral_density(
    operator: &mut impl SymmetricOperator,
    parameters: &DensityParameters,
) -> Result<SpectralDensity, Error> {
    linop::spectral_density(operator, parameters, &mut go_on).map(Option::unwrap)
}

/// tr f(A) = Σ f(λ_i) from a density's quadratures.
fn trace_of(found: &SpectralDensity, function: impl Fn(f64) -> f64) -> ProbeEstimate {
    let sample = |probe: &Quadrature| {
        let terms = probe.nodes.iter().zip(&probe.weights);
        found.dimension as f64 * terms.map(|(&node, weight)| weight * function(node)).sum::<f64>()
    };
    let samples: Vec<f64> = found.probes.iter().map(sample).collect();
    let count = samples.len() as f64;
    let value = samples.iter().sum::<f64>() / count;
    let squares: f64 = samples.iter().map(|sample| (sample - value).powi(2)).sum();
    let standard_error = (squares / (count - 1.0) / count).sqrt();
    ProbeEstimate { value, standard_error, samples: samples.len(), products: found.products }
}

/// tr A by plain probes (Hutchinson 1990): a quadrature's first moment is its zᵀAz.
fn plain_trace(operator: &mut impl SymmetricOperator, probes: usize, seed: u64) -> ProbeEstimate {
    let parameters = DensityParameters { probes, steps: 2, points: 2, width: None, seed };
    trace_of(&spectral_density(operator, &parameters).unwrap(), |x| x)
}

/// A bulk and a few outliers, as of a trained network.
fn outliers() -> Vec<f64> {
    (0..140)
        .map(|i| 0.4 * (f64::from(i) / 140.0).powi(3))
        .chain([20.0, 12.0, 7.0, 3.0, -1.0])
        .collect()
}

/// Over many seeds (value − exact)/standard_error must be distributed like Student's t: its mean
/// is zero within 5/√seeds and its mean square is dof/(dof − 2) within a third. A forgotten 1/√n,
/// a biased probe, or a wrong projection fails this.
fn calibrated(exact: f64, seeds: u64, run: impl Fn(u64) -> ProbeEstimate) {
    let scores: Vec<f64> = (0..seeds)
        .map(|seed| {
            let estimate = run(seed);
            (estimate.value - exact) / estimate.standard_error
        })
        .collect();
    let count = seeds as f64;
    let mean = scores.iter().sum::<f64>() / count;
    let square = scores.iter().map(|z| z * z).sum::<f64>() / count;
    let freedom = run(0).samples as f64 - 1.0;
    let expected = freedom / (freedom - 2.0);
    assert!(mean.abs() < 5.0 * (expected / count).sqrt(), "mean score {mean}");
    assert!((square / expected - 1.0).abs() < 1.0 / 3.0, "mean square {square} for {expected}");
}

#[test]
fn a_plain_trace_is_calibrated_and_exact_on_a_diagonal() {
    let values = outliers();
    let exact: f64 = values.iter().sum();
    calibrated(exact, 400, |seed| plain_trace(&mut Planted::new(&values), 30, seed));
    let found = plain_trace(&mut DenseSymmetric::diagonal(&values), 5, 7);
    assert!((found.value - exact).abs() < 1e-11 && found.standard_error < 1e-11, "{found:?}");
}

#[test]
fn the_variance_of_a_probe_is_twice_the_off_diagonal_squares() {
    let mut operator = Planted::new(&outliers());
    let matrix = as_matrix(&mut operator).unwrap();
    let off: f64 =
        (0..145).flat_map(|i| (0..i).map(move |j| (i, j))).map(|at| matrix[at].powi(2)).sum();
    let expected = 2.0 * 2.0 * off;
    let probes = 4000;
    let found = plain_trace(&mut operator, probes, 11);
    let variance = found.standard_error.powi(2) * probes as f64;
    // One dominant rank-one part makes zᵀAz like a squared normal: kurtosis up to 15, so that the
    // sample variance has a relative standard error √(14/4000) = 0.06; four of them.
    assert!((variance / expected - 1.0).abs() < 0.24, "{variance} for {expected}");
}

#[test]
fn hutch_plus_plus_is_calibrated_and_beats_plain_probes_on_outliers() {
    let values = outliers();
    let exact: f64 = values.iter().sum();
    calibrated(exact, 400, |seed| hutch_plus_plus(&mut Planted::new(&values), 90, seed).unwrap());
    let mut operator = Planted::new(&values);
    let better = hutch_plus_plus(&mut operator, 90, 3).unwrap();
    assert_eq!((better.products, better.samples), (90, 30));
    assert_eq!(operator.products, 90);
    let plain = plain_trace(&mut operator, 90, 3);
    // The sketch of 30 holds the outliers, so that at most the bulk's variance is left, 2 Σλ² a
    // probe; a half more for the spread of a standard error from 30 samples (13 %).
    let bulk: f64 =
        values.iter().filter(|value| value.abs() < 0.5).map(|value| value * value).sum();
    let bound = 1.5 * (2.0 * bulk / 30.0).sqrt();
    assert!(better.standard_error < bound, "{better:?}");
    assert!(plain.standard_error > bound, "{plain:?}");
}

#[test]
fn hutch_plus_plus_is_exact_on_low_rank_and_on_tiny_operators() {
    let low = [vec![7.0, -2.0, 1.0], vec![0.0; 57]].concat();
    let found = hutch_plus_plus(&mut Planted::new(&low), 30, 1).unwrap();
    assert!((found.value - 6.0).abs() < 1e-12 && found.standard_error < 1e-12, "{found:?}");
    for values in [&[3.0][..], &[1.0, -4.0], &[0.0; 4]] {
        let found = hutch_plus_plus(&mut Planted::new(values), 30, 1).unwrap();
        assert!((found.value - values.iter().sum::<f64>()).abs() < 1e-14, "{found:?}");
    }
}

/// The exact density on the grid of `found`.
fn smoothed(values: &[f64], found: &SpectralDensity) -> Vec<f64> {
    let height = 1.0 / ((2.0 * std::f64::consts::PI).sqrt() * found.width * values.len() as f64);
    let at = |&x: &f64| {
        values.iter().map(|value| height * (-0.5 * ((x - value) / found.width).powi(2)).exp()).sum()
    };
    found.grid.iter().map(at).collect()
}

#[test]
fn the_density_lies_within_its_standard_errors_of_the_exact_one() {
    // Three semicircles of different weight, 600 values.
    let lobe = |count: u32, centre: f64, radius: f64| {
        (0..count).map(move |i| {
            centre - radius * (std::f64::consts::PI * (f64::from(i) + 0.5) / f64::from(count)).cos()
        })
    };
    let values: Vec<f64> =
        lobe(400, 0.0, 1.0).chain(lobe(150, 3.0, 0.5)).chain(lobe(50, 6.0, 0.3)).collect();
    let parameters = DensityParameters { probes: 30, seed: 5, ..DensityParameters::new() };
    let found = spectral_density(&mut Planted::new(&values), &parameters).unwrap();
    let exact = smoothed(&values, &found);
    // The quadrature's own error is a share e⁻⁸ of one Gaussian's height (see `width`), a few of
    // which overlap; the probes' is 5 standard errors with 29 degrees of freedom.
    let quadrature = 4.0 * (-8f64).exp() / ((2.0 * std::f64::consts::PI).sqrt() * found.width);
    for (i, (density, exact)) in found.density.iter().zip(&exact).enumerate() {
        let bound = 5.0 * found.standard_error[i] + quadrature;
        assert!(
            (density - exact).abs() <= bound,
            "at {}: {density} {exact} {bound}",
            found.grid[i]
        );
    }
    // And the standard errors are not just large: on average the error is about one of them.
    let scores = (0..exact.len()).filter(|&i| exact[i] > 10.0 * quadrature);
    let scores: Vec<f64> =
        scores.map(|i| ((found.density[i] - exact[i]) / found.standard_error[i]).powi(2)).collect();
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    assert!(scores.len() > 100 && (0.1..4.0).contains(&mean), "{mean}");
    // Its integral is 1, to the Gaussians' tails beyond four widths (6e-5) and the grid.
    let step = found.grid[1] - found.grid[0];
    let integral: f64 = found.density.iter().sum::<f64>() * step;
    assert!((integral - 1.0).abs() < 2e-4, "{integral}");
}

#[test]
fn functions_of_the_operator_have_calibrated_traces() {
    let values = outliers();
    let mut operator = Planted::new(&values);
    let parameters = DensityParameters { probes: 60, steps: 40, ..DensityParameters::new() };
    let found = spectral_density(&mut operator, &parameters).unwrap();
    assert!(found.products == operator.products && found.products <= 60 * 40);
    for probe in &found.probes {
        assert!((probe.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(probe.nodes.is_sorted());
    }
    type Function = fn(f64) -> f64;
    let exponential: Function = |x| (-x).exp();
    for (name, function) in
        [("trace", (|x| x) as Function), ("squares", |x| x * x), ("exponential", exponential)]
    {
        let exact: f64 = values.iter().map(|&value| function(value)).sum();
        let estimate = trace_of(&found, function);
        let error = (estimate.value - exact).abs();
        assert!(error < 4.0 * estimate.standard_error, "{name}: {estimate:?} for {exact}");
    }
    // The mean of a probe's nodes is its zᵀAz however many they are.
    let same = plain_trace(&mut operator, 60, parameters.seed);
    assert!((trace_of(&found, |x| x).value - same.value).abs() < 1e-10);
}

#[test]
fn densities_of_degenerate_operators() {
    for values in [vec![2.0], vec![0.0; 9], vec![3.0; 20], vec![-1.0, 1.0]] {
        let parameters = DensityParameters { probes: 4, ..DensityParameters::new() };
        let found = spectral_density(&mut Planted::new(&values), &parameters).unwrap();
        let trace = trace_of(&found, |x| x);
        let exact: f64 = values.iter().sum();
        assert!((trace.value - exact).abs() <= 5.0 * trace.standard_error + 1e-12, "{values:?}");
        assert!(found.width > 0.0 && found.density.iter().all(|x| x.is_finite()));
        assert!(found.products <= 4 * values.len());
    }
}

#[test]
fn bad_parameters_are_refused() {
    let mut operator = DenseSymmetric::diagonal(&[1.0, 2.0]);
    let good = DensityParameters::new();
    for wrong in [
        DensityParameters { probes: 1, ..good },
        DensityParameters { steps: 1, ..good },
        DensityParameters { points: 1, ..good },
        DensityParameters { width: Some(0.0), ..good },
        DensityParameters { width: Some(f64::NAN), ..good },
    ] {
        assert!(matches!(spectral_density(&mut operator, &wrong), Err(Error::Parameter { .. })));
    }
    assert!(matches!(hutch_plus_plus(&mut operator, 5, 0), Err(Error::Parameter { .. })));
    let mut empty = DenseSymmetric::diagonal(&[]);
    assert_eq!(hutch_plus_plus(&mut empty, 9, 0).unwrap_err(), Error::Empty);
    let mut broken = Planted::new(&[1.0, f64::NAN, 2.0]);
    for error in [
        hutch_plus_plus(&mut broken, 9, 0).unwrap_err(),
        spectral_density(&mut broken, &good).unwrap_err(),
    ] {
        assert!(matches!(error, Error::NotFinite { product: 1, .. }), "{error}");
    }
}

#[test]
fn the_same_bits_with_one_two_and_four_threads() {
    let values: Vec<f64> = (0..9_000).map(|i| f64::from(i % 97) / 97.0).collect();
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut operator = Planted::new(&values);
            let parameters = DensityParameters { probes: 3, steps: 12, ..DensityParameters::new() };
            let density = spectral_density(&mut operator, &parameters).unwrap();
            let traces = [hutch_plus_plus(&mut operator, 12, 1).unwrap().value];
            let numbers = density.density.iter().chain(&density.standard_error).chain(&traces);
            numbers.map(|x| x.to_bits()).collect::<Vec<u64>>()
        })
    };
    assert!(run(1) == run(2) && run(1) == run(4));
}

/// Each is told of every product, and multiplies no more once told to stop.
#[test]
fn a_break_stops_after_the_product_at_hand() {
    let values = outliers();
    // 12 products of the second trace: 4 for the sketch, 4 for its trace, 4 for the rest.
    for stop_after in [1, 4, 5, 8, 9, 11] {
        let mut operator = Planted::new(&values);
        let mut counts = Vec::new();
        let mut told = |products| {
            counts.push(products);
            if products == stop_after { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let parameters = DensityParameters { probes: 3, steps: 4, ..DensityParameters::new() };
        assert_eq!(linop::hutch_plus_plus(&mut operator, 12, 0, &mut told).unwrap(), None);
        assert_eq!(linop::spectral_density(&mut operator, &parameters, &mut told).unwrap(), None);
        let each: Vec<usize> = (1..=stop_after).collect();
        assert_eq!(counts, each.repeat(2));
    }
}
