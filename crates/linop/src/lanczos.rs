//! Extremal eigenpairs by Lanczos with full reorthogonalisation and thick restart.
//!
//! The basis V of at most `max_basis` orthonormal columns is grown by one product a column, the
//! projected matrix VᵀAV is measured (not assumed tridiagonal, so that a noisy operator is
//! projected as it is), and when the basis is full it is replaced by its best Ritz vectors
//! (thick restart: Wu & Simon, SIAM J. Matrix Anal. Appl. 22, 2000; Stathopoulos, Saad & Wu, SIAM
//! J. Sci. Comput. 19, 1998). The estimate β|y_last| only decides *when* to look: what is
//! returned, and what `converged` means, is the true residual ‖Av − λv‖ from an explicit product.
//!
//! Memory: (max_basis + 1) · dimension · 8 bytes, touched only as the basis grows; 180 MB at the
//! default for one pair (24) and 900,000 parameters, 2 GB at ten million.

mod krylov;
mod plan;
mod solve;

use std::ops::ControlFlow;

use crate::{Error, SymmetricOperator};

pub use solve::lanczos;

/// Which end of the spectrum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpectrumEnd {
    /// The algebraically largest eigenvalues.
    Largest,
    /// The algebraically smallest, that is the most negative.
    Smallest,
    /// As many largest as smallest.
    Both,
}

/// What to do when everything asked for has converged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// Return at once.
    None,
    /// Two more products from a fresh random direction, orthogonal to what was found. If they move a
    /// wanted Ritz value by more than a thousandth of the tolerance, something was hidden: go on as
    /// with [`Confirmation::Probe`].
    Brief,
    /// Follow a fresh random direction, orthogonal to what was found, until another wanted pair would be
    /// missed with a probability of at most 10⁻³ (see [`lanczos`]) or the basis is full, and go on
    /// while that changes the answer, or while a pair next to those wanted may still be one of them. One
    /// Krylov sequence sees one vector of a multiple eigenvalue only, a warm start that is almost an
    /// eigenvector can hide a larger one, and a member of a tight cluster shows late. Where nothing was
    /// hidden it costs up to `max_basis` products, and few where the wanted pairs stand apart.
    Probe,
}

/// How [`lanczos`] works. [`LanczosParameters::new`] has the defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct LanczosParameters {
    /// Which end.
    pub end: SpectrumEnd,
    /// How many pairs, at each end for [`SpectrumEnd::Both`]; more than `dimension` is cut to it.
    pub count: usize,
    /// The largest relative residual that counts as converged, as [`EigenPair`] defines it.
    pub tolerance: f64,
    /// Eigenvalues below this share of ‖A‖ have their residual judged against the share, not
    /// against themselves. 0 judges each against itself; 1 judges all against ‖A‖, right for the
    /// question "how negative is it, beside the sharpness?".
    pub relative_floor: f64,
    /// The most products with the operator, those for the residuals included; at least 2.
    pub max_products: usize,
    /// The most columns of the basis; at least two more than the pairs wanted.
    pub max_basis: usize,
    /// The fewest columns of the basis that an answer is taken from, as far as there are so many;
    /// 0 for any. A random start holds so little of the largest eigenvector that after one or two
    /// products the residual may be small without it. At a size of just the pairs wanted every Ritz
    /// pair is among them, those of the other end too, so that many wanted pairs need more.
    pub least_basis: usize,
    /// What to do when everything asked for has converged.
    pub confirmation: Confirmation,
    /// Seed of the random directions: the start if none is given, and after a breakdown.
    pub seed: u64,
}

/// Units of rounding of ‖A‖ up to which an eigenvalue and its residual are zero. Blocked sums of
/// products err by a few units, layers after one another by a few each.
pub const ZERO_ROUNDINGS: f64 = 64.0;

/// The default fewest columns: a network's sharpness needs seven products or more, so that these and a
/// brief confirmation cost two, and with six columns an eigenvalue that exceeds the answer by four times
/// the spread below it is missed with a probability of 4·10⁻⁴ at a million parameters (see
/// [`lanczos`]).
const LEAST_BASIS: usize = 6;

impl LanczosParameters {
    /// Tolerance 1e-3 of each value itself, at most 1,000 products, a basis of 22 columns more than
    /// twice the pairs wanted and at least 6 before an answer, confirmation by two products for one
    /// pair and by a probe from two pairs on, seed 0.
    ///
    /// 24 columns for one pair: the sharpness of a trained network needs some 13 products at
    /// tolerance 1e-3, so that most runs never restart, while the passes over the basis stay a
    /// small part of a product.
    pub fn new(end: SpectrumEnd, count: usize) -> Self {
        let wanted = if end == SpectrumEnd::Both { count.saturating_mul(2) } else { count };
        Self {
            end,
            count,
            tolerance: 1e-3,
            relative_floor: 0.0,
            max_products: 1000,
            max_basis: wanted.saturating_mul(2).saturating_add(22),
            least_basis: LEAST_BASIS,
            confirmation: if count > 1 { Confirmation::Probe } else { Confirmation::Brief },
            seed: 0,
        }
    }

    /// For a start close to the eigenvectors, and an answer that errs to the safe side where a larger
    /// eigenvalue is hidden: answers from any basis, without a confirmation.
    pub fn warm(end: SpectrumEnd, count: usize) -> Self {
        let confirmation = Confirmation::None;
        Self { least_basis: 0, confirmation, ..Self::new(end, count) }
    }

    /// The most bytes that a run of these parameters holds for vectors of `dimension` numbers: the
    /// basis with the next direction, and the vectors it returns.
    pub fn memory(&self, dimension: usize) -> usize {
        let pairs =
            if self.end == SpectrumEnd::Both { self.count.saturating_mul(2) } else { self.count };
        let columns = self.max_basis.min(dimension) + 1 + pairs.min(dimension);
        columns.saturating_mul(dimension).saturating_mul(size_of::<f64>())
    }
}

/// An eigenvalue with its vector and the proof of how good it is.
#[derive(Debug, Clone, PartialEq)]
pub struct EigenPair {
    /// λ = vᵀAv.
    pub value: f64,
    /// v, of norm 1.
    pub vector: Vec<f64>,
    /// ‖Av − λv‖ from an explicit product. For a symmetric A an eigenvalue lies this close to λ.
    pub residual: f64,
    /// residual/|λ|; 0 where both are zero to the operator's rounding.
    pub relative_residual: f64,
    /// Whether the residual is at most tolerance · max(|λ|, relative_floor · ‖A‖), or λ and the
    /// residual are zero to the operator's rounding.
    pub converged: bool,
}

/// Why a solver returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SolverStop {
    /// Every pair asked for has converged, and the confirmation asked for found nothing new.
    Converged,
    /// The products were used up.
    Budget,
    /// True residuals no longer fall: they have met the rounding or the noise of the operator's
    /// products. Ask for a larger tolerance or for products in higher precision.
    Stagnated,
    /// The progress callback asked to stop.
    Interrupted,
}

/// What a solver found.
#[derive(Debug, Clone, PartialEq)]
pub struct RitzPairs {
    /// The pairs: largest first for [`SpectrumEnd::Largest`], smallest first for [`SpectrumEnd::Smallest`], and
    /// for [`SpectrumEnd::Both`] the largest in descending and then the smallest in ascending order. Fewer
    /// than asked for when the dimension is smaller, or when it stopped before it had as many.
    pub pairs: Vec<EigenPair>,
    /// Products with the operator, those for the residuals included.
    pub products: usize,
    /// Why it ended.
    pub stop: SolverStop,
    /// A lower bound of ‖A‖: the largest ‖Av‖ over the unit vectors multiplied, and |Ritz value|.
    pub norm_estimate: f64,
}

impl RitzPairs {
    /// Whether everything asked for has converged.
    pub fn converged(&self) -> bool {
        self.stop == SolverStop::Converged
    }

    /// The pair with the largest value.
    pub fn largest(&self) -> Option<&EigenPair> {
        self.pairs.iter().max_by(|a, b| a.value.total_cmp(&b.value))
    }

    /// The pair with the smallest value.
    pub fn smallest(&self) -> Option<&EigenPair> {
        self.pairs.iter().min_by(|a, b| a.value.total_cmp(&b.value))
    }
}

/// Where a run stands, after each product that grows the basis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LanczosProgress {
    /// Products so far.
    pub products: usize,
    /// The Ritz value of the first pair wanted.
    pub value: f64,
    /// The largest estimated relative residual among the pairs wanted; infinite while there are
    /// fewer Ritz pairs than pairs wanted.
    pub relative_residual: f64,
}

/// The progress callback that says nothing and never stops.
pub fn silent(_: &LanczosProgress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// The largest eigenpair with the default parameters: [`lanczos`] for the usual case.
///
/// # Errors
/// As [`lanczos`].
pub fn largest_pair<O: SymmetricOperator + ?Sized>(
    operator: &mut O,
    tolerance: f64,
    start: Option<&[f64]>,
) -> Result<EigenPair, Error> {
    let parameters =
        LanczosParameters { tolerance, ..LanczosParameters::new(SpectrumEnd::Largest, 1) };
    let mut spectrum = lanczos(operator, &parameters, start, &mut silent)?;
    Ok(spectrum.pairs.swap_remove(0))
}
