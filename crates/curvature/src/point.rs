//! What the theory needs of a trained point, and nothing more.

use minimascope_linop::ProductFailure;
use minimascope_record::config::Precision;

/// A symmetric P × P matrix of a trained point, with H_i = ∇²ℓ_i (weight decay λ included: + λI) and
/// means over the n units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Matrix {
    /// H = mean H_i. λ_max(H) is the sharpness.
    Hessian,
    /// G = mean A_iᵀA_i (+ λI): the Gauss–Newton matrix, positive semi-definite.
    GaussNewton,
    /// mean H_i².
    SecondMoment,
    /// Σ = mean (H_i − H)² = mean H_i² − H². √λ_max(Σ) is the non-uniformity (Wu, Ma, E 2018).
    Variance,
}

/// The sizes of a trained point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PointShape {
    /// P.
    pub parameters: usize,
    /// n: examples, or fixed groups of examples that no batch cuts.
    pub units: usize,
    /// K, the rows of a square-root factor A_i: the outputs of a unit.
    pub outputs: usize,
}

impl PointShape {
    /// nK, the rows of all A_i together.
    pub fn rows(&self) -> usize {
        self.units * self.outputs
    }
}

/// What is known of the point itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PointFacts {
    /// The mean loss over the units, without weight decay.
    pub loss: f64,
    /// ‖∇f‖ of the objective, weight decay included.
    pub gradient_norm: f64,
    /// The share of examples that the point classifies as labelled; `None` where there are no classes.
    pub accuracy: Option<f64>,
}

/// Whether the loss of a unit depends on other units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coupling {
    /// It does not: H_i exists for every unit, and all theory holds.
    None,
    /// Every unit depends on the whole batch (batch norm in training mode): H exists at B = n, and
    /// no H_i does.
    WholeBatch,
}

/// What one product costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProductCost {
    /// Multiply–adds.
    pub operations: f64,
    /// Bytes that the point holds while it multiplies, its data included.
    pub bytes: usize,
}

/// A trained point: anything that can multiply vectors by the curvature matrices of a mean loss
/// f = mean ℓ_i over n units, and by the square-root factors A_i (K × P) of the units' Gauss–Newton
/// matrices G_i = A_iᵀA_i, A_i = L_i^{1/2}J_i with J_i the Jacobian of the outputs and L_i the
/// Hessian of the loss in the outputs.
///
/// Vectors of parameter space have P numbers, vectors of output space nK: row i·K + k is row k of
/// A_i. All belong to the caller, so that a point on another machine or device keeps no second
/// copy here. Everything that theory derives from a point (spectra, factors, thresholds, verdicts)
/// is written once over this trait. A product that fails (a lost worker, a framework's refusal) ends
/// the work, and its error reaches the caller unchanged.
///
/// An implementation in single precision is fine: solvers bound what it can reach by true residuals.
pub trait TrainedPoint {
    /// P, n and K.
    fn shape(&self) -> PointShape;

    /// The numbers that products are computed in.
    fn precision(&self) -> Precision;

    /// Whether units see each other.
    fn coupling(&self) -> Coupling {
        Coupling::None
    }

    /// λ of the term (λ/2)‖θ‖² of the objective.
    fn weight_decay(&self) -> f64 {
        0.0
    }

    /// Loss, gradient norm and accuracy.
    ///
    /// # Errors
    /// The implementation's own.
    fn facts(&mut self) -> Result<PointFacts, ProductFailure>;

    /// What a product with `matrix` costs.
    fn cost(&self, matrix: Matrix) -> ProductCost;

    /// y ← `matrix` x; P numbers each.
    ///
    /// # Errors
    /// The implementation's own.
    fn product(&mut self, matrix: Matrix, x: &[f64], y: &mut [f64]) -> Result<(), ProductFailure>;

    /// g ← ∇f, P numbers, weight decay included.
    ///
    /// # Errors
    /// The implementation's own.
    fn gradient(&mut self, g: &mut [f64]) -> Result<(), ProductFailure>;

    /// losses ← ℓ_i, n numbers, without weight decay.
    ///
    /// # Errors
    /// The implementation's own.
    fn unit_losses(&mut self, losses: &mut [f64]) -> Result<(), ProductFailure>;

    /// u ← A x: nK numbers from P.
    ///
    /// # Errors
    /// The implementation's own.
    fn factor_product(&mut self, x: &[f64], u: &mut [f64]) -> Result<(), ProductFailure>;

    /// y ← Aᵀu: P numbers from nK.
    ///
    /// # Errors
    /// The implementation's own.
    fn factor_transposed(&mut self, u: &[f64], y: &mut [f64]) -> Result<(), ProductFailure>;

    /// Lets `work` see the point with the mean over these units alone: H_B and ∇f_B of a batch, H_i of
    /// a single unit.
    ///
    /// # Errors
    /// The implementation's own, and those of `work`.
    fn at_units(
        &mut self,
        units: &[usize],
        work: &mut dyn FnMut(&mut dyn TrainedPoint) -> Result<(), ProductFailure>,
    ) -> Result<(), ProductFailure>;

    /// gram ← AAᵀ, nK × nK, row after row. Unless an implementation knows a faster way, nK products
    /// with A and as many with Aᵀ.
    ///
    /// # Errors
    /// The implementation's own.
    fn gram(&mut self, gram: &mut [f64]) -> Result<(), ProductFailure> {
        gram_from_products(self, gram)
    }

    /// blocks ← the diagonal blocks A_iA_iᵀ of the Gram matrix, K × K each, n of them. λ_max of a
    /// block is λ_max(G_i). The cost is that of [`TrainedPoint::gram`] unless an implementation
    /// knows a faster way.
    ///
    /// # Errors
    /// The implementation's own.
    fn blocks(&mut self, blocks: &mut [f64]) -> Result<(), ProductFailure> {
        blocks_from_products(self, blocks)
    }
}

/// gram ← AAᵀ from products with A and Aᵀ: [`TrainedPoint::gram`] of a point that knows no faster way.
///
/// # Errors
/// The point's own.
pub fn gram_from_products<P: TrainedPoint + ?Sized>(
    point: &mut P,
    gram: &mut [f64],
) -> Result<(), ProductFailure> {
    let rows = point.shape().rows();
    each_gram_row(point, |row, values| {
        gram[row * rows..][..rows].copy_from_slice(values);
    })
}

/// blocks ← A_iA_iᵀ from products with A and Aᵀ: [`TrainedPoint::blocks`] of a point that knows no faster
/// way.
///
/// # Errors
/// The point's own.
pub fn blocks_from_products<P: TrainedPoint + ?Sized>(
    point: &mut P,
    blocks: &mut [f64],
) -> Result<(), ProductFailure> {
    let k = point.shape().outputs;
    each_gram_row(point, |row, values| {
        blocks[row * k..][..k].copy_from_slice(&values[row / k * k..][..k]);
    })
}

/// Each row of AAᵀ in turn, from products with unit vectors.
fn each_gram_row<P: TrainedPoint + ?Sized>(
    point: &mut P,
    mut take: impl FnMut(usize, &[f64]),
) -> Result<(), ProductFailure> {
    let (rows, parameters) = (point.shape().rows(), point.shape().parameters);
    let (mut unit, mut image) = (vec![0.0; rows], vec![0.0; parameters]);
    let mut values = vec![0.0; rows];
    for row in 0..rows {
        unit[row] = 1.0;
        point.factor_transposed(&unit, &mut image)?;
        point.factor_product(&image, &mut values)?;
        unit[row] = 0.0;
        take(row, &values);
    }
    Ok(())
}
