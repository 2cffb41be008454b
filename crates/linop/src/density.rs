//! The spectral density by stochastic Lanczos quadrature.

use std::ops::ControlFlow;

use faer::Mat;

use crate::basis::INVARIANT_BELOW;
use crate::dense::symmetric_eigen;
use crate::estimate::ProbeEstimate;
use crate::product::Products;
use crate::random::{Purpose, fill_signs};
use crate::vectors::{axpy, dot, norm, scale};
use crate::{Error, SymmetricOperator};

/// How [`spectral_density`] works. [`DensityParameters::new`] has the defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DensityParameters {
    /// Independent random vectors; at least 2.
    pub probes: usize,
    /// Lanczos steps, that is products, of each; at least 2.
    pub steps: usize,
    /// Standard deviation of the Gaussian that smooths the density, in units of the eigenvalues.
    /// None: the range of the nodes over `steps`. A quadrature of m steps is exact for polynomials
    /// of degree 2m − 1, and a Gaussian of width range/m is one up to a share e⁻⁸ of its height
    /// (its Chebyshev coefficient of degree k is about exp(−(2kσ/range)²/2)).
    pub width: Option<f64>,
    /// Points of the grid; at least 2.
    pub points: usize,
    /// Seed of the probes.
    pub seed: u64,
}

impl DensityParameters {
    /// 10 probes of 64 steps, the width they resolve, 512 points, seed 0: 640 products.
    pub fn new() -> Self {
        Self { probes: 10, steps: 64, width: None, points: 512, seed: 0 }
    }
}

impl Default for DensityParameters {
    fn default() -> Self {
        Self::new()
    }
}

/// One probe's quadrature: zᵀf(A)z ≈ Σ weights_i f(nodes_i) for a unit vector z.
#[derive(Debug, Clone, PartialEq)]
pub struct Quadrature {
    /// Ritz values, ascending.
    pub nodes: Vec<f64>,
    /// Squares of the first entries of their vectors; they sum to 1.
    pub weights: Vec<f64>,
}

/// The density of eigenvalues, (1/dimension) Σ_i δ(λ − λ_i), smoothed; its integral is 1.
#[derive(Debug, Clone, PartialEq)]
pub struct SpectralDensity {
    /// Equidistant eigenvalues, four widths beyond the outermost nodes.
    pub grid: Vec<f64>,
    /// The density on the grid, per unit of eigenvalue: the mean over probes.
    pub density: Vec<f64>,
    /// Its standard error on the grid.
    pub standard_error: Vec<f64>,
    /// The standard deviation of the Gaussian used.
    pub width: f64,
    /// The quadrature of each probe, without smoothing.
    pub probes: Vec<Quadrature>,
    /// The number of eigenvalues.
    pub dimension: usize,
    /// Products with the operator.
    pub products: usize,
}

/// The spectral density of `operator` by stochastic Lanczos quadrature (Bai, Fahey & Golub 1996;
/// Lin, Saad & Yang 2016; Ubaru, Chen & Saad 2017; for Hessians Ghorbani et al. 2019).
///
/// Each probe, a random sign vector over √dimension, is the start of a Lanczos run of three terms
/// *without* reorthogonalisation: its ghost copies share the weight of the value they copy, and
/// the quadrature stays accurate (Greenbaum 1989; Knizhnerman 1996; Chen, Trogdon & Ubaru 2021).
/// So memory is three vectors at any number of steps. Fewer steps than `steps` are taken where
/// the probe's Krylov space ends; the quadrature is then exact. The standard error is the spread
/// between probes: it does not see an outlier that no node has found, and for outliers
/// [`lanczos`](crate::lanczos()) is the instrument.
///
/// Products: at most probes · steps. `progress` gets their number after each; `None` when it breaks.
///
/// # Errors
/// [`Error::Empty`], [`Error::Parameter`], [`Error::NotFinite`], [`Error::Overflow`],
/// [`Error::DenseSolver`].
pub fn spectral_density<O: SymmetricOperator + ?Sized>(
    operator: &mut O,
    parameters: &DensityParameters,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Option<SpectralDensity>, Error> {
    check(parameters)?;
    let mut products = Products::new(operator)?;
    let dimension = products.dimension();
    let mut scratch = Scratch::new(dimension);
    let mut probes = Vec::with_capacity(parameters.probes);
    for index in 0..parameters.probes {
        fill_signs(&mut scratch.current, parameters.seed, Purpose::Probe(index));
        scale((dimension as f64).sqrt().recip(), &mut scratch.current);
        match quadrature(&mut products, parameters.steps, &mut scratch, progress)? {
            Some(found) => probes.push(found),
            None => return Ok(None),
        }
    }

    let nodes = || probes.iter().flat_map(|probe| probe.nodes.iter().copied());
    let (low, high) = (nodes().fold(f64::MAX, f64::min), nodes().fold(f64::MIN, f64::max));
    let range = high - low;
    let width = match parameters.width {
        Some(width) => width,
        None if range > 1e-12 * high.abs().max(low.abs()) => range / parameters.steps as f64,
        // One eigenvalue only: any width does; a thousandth of it, or of 1.
        None => 1e-3 * if high == 0.0 { 1.0 } else { high.abs() },
    };
    let (low, high) = (low - 4.0 * width, high + 4.0 * width);
    let step = (high - low) / (parameters.points - 1) as f64;
    let grid: Vec<f64> = (0..parameters.points).map(|i| low + step * i as f64).collect();
    let at_point = |&at: &f64| {
        let samples: Vec<f64> = probes.iter().map(|probe| probe.smoothed(at, width)).collect();
        ProbeEstimate::from_samples(&samples, 0)
    };
    let estimates: Vec<ProbeEstimate> = grid.iter().map(at_point).collect();
    Ok(Some(SpectralDensity {
        density: estimates.iter().map(|estimate| estimate.value).collect(),
        standard_error: estimates.iter().map(|estimate| estimate.standard_error).collect(),
        grid,
        width,
        probes,
        dimension,
        products: products.count(),
    }))
}

impl Quadrature {
    /// Σ weights_i g(at − nodes_i), g the Gaussian density of standard deviation `width`.
    fn smoothed(&self, at: f64, width: f64) -> f64 {
        let height = ((2.0 * std::f64::consts::PI).sqrt() * width).recip();
        let term = |(node, weight): (&f64, &f64)| {
            weight * height * (-0.5 * ((at - node) / width).powi(2)).exp()
        };
        self.nodes.iter().zip(&self.weights).map(term).sum()
    }
}

struct Scratch {
    previous: Vec<f64>,
    current: Vec<f64>,
    next: Vec<f64>,
}

impl Scratch {
    fn new(dimension: usize) -> Self {
        let zeros = || vec![0.0; dimension];
        Self { previous: zeros(), current: zeros(), next: zeros() }
    }
}

/// Three-term Lanczos from the unit vector `scratch.current`; the nodes and weights of its
/// tridiagonal matrix, or `None` when `progress` breaks.
fn quadrature<O: SymmetricOperator + ?Sized>(
    products: &mut Products<'_, O>,
    steps: usize,
    scratch: &mut Scratch,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Option<Quadrature>, Error> {
    let steps = steps.min(products.dimension());
    let Scratch { previous, current, next } = scratch;
    let mut diagonal = Vec::with_capacity(steps);
    let mut off_diagonal: Vec<f64> = Vec::with_capacity(steps);
    let mut largest: f64 = 0.0;
    loop {
        largest = largest.max(products.multiply(current, next)?);
        if progress(products.count()).is_break() {
            return Ok(None);
        }
        if let Some(&beta) = off_diagonal.last() {
            axpy(-beta, previous, next);
        }
        let alpha = dot(current, next);
        axpy(-alpha, current, next);
        diagonal.push(alpha);
        let beta = norm(next);
        if diagonal.len() == steps || beta <= INVARIANT_BELOW * largest {
            break;
        }
        scale(1.0 / beta, next);
        off_diagonal.push(beta);
        std::mem::swap(previous, current);
        std::mem::swap(current, next);
    }
    let tridiagonal = Mat::from_fn(diagonal.len(), diagonal.len(), |i, j| match i.abs_diff(j) {
        0 => diagonal[i],
        1 => off_diagonal[i.min(j)],
        _ => 0.0,
    });
    let eigen = symmetric_eigen(tridiagonal.as_ref())?;
    let weights = (0..diagonal.len()).map(|i| eigen.vectors[(0, i)].powi(2)).collect();
    Ok(Some(Quadrature { nodes: eigen.values, weights }))
}

fn check(parameters: &DensityParameters) -> Result<(), Error> {
    let refuse = |name, value, requirement| Err(Error::Parameter { name, value, requirement });
    if parameters.probes < 2 {
        let requirement = "at least 2: the standard error is the spread between probes";
        return refuse("probes", parameters.probes as f64, requirement);
    }
    if parameters.steps < 2 {
        return refuse("steps", parameters.steps as f64, "at least 2: one step sees the mean only");
    }
    if parameters.points < 2 {
        return refuse("points", parameters.points as f64, "at least 2: a grid has two ends");
    }
    match parameters.width {
        Some(width) if !(width.is_finite() && width > 0.0) => {
            refuse("width", width, "above 0 and finite: it is the standard deviation of a Gaussian")
        }
        _ => Ok(()),
    }
}
