//! Real symmetric operators: Lanczos, spectral density, trace, small dense eigenproblems.
//!
//! An operator is anything that can multiply a vector ([`SymmetricOperator`]); nothing here knows
//! where it comes from. Every eigenpair travels with its true residual ‖Av − λv‖, every stochastic
//! estimate with its standard error, and all sums run over fixed chunks in a fixed order, so that
//! results have the same bits at any number of threads.
//!
//! ```
//! use minimascope_linop::{DenseSymmetric, SpectrumEnd, LanczosParameters, largest_pair, lanczos, silent};
//!
//! let mut operator = DenseSymmetric::diagonal(&[1.0, 5.0, -7.0]);
//! let parameters = LanczosParameters { tolerance: 1e-10, ..LanczosParameters::new(SpectrumEnd::Largest, 1) };
//! let spectrum = lanczos(&mut operator, &parameters, None, &mut silent)?;
//! assert!(spectrum.converged() && (spectrum.pairs[0].value - 5.0).abs() < 1e-9);
//! assert_eq!(spectrum.pairs[0].value, largest_pair(&mut operator, 1e-10, None)?.value);
//! # Ok::<(), minimascope_linop::Error>(())
//! ```

mod basis;
mod dense;
mod density;
mod error;
mod estimate;
mod kernels;
mod lanczos;
mod operator;
mod product;
mod random;
mod trace;
pub mod vectors;

pub use dense::{
    GeneralisedEigen, SymmetricEigen, generalised_eigen, symmetric_eigen, symmetric_eigenvalues,
};
pub use density::{DensityParameters, Quadrature, SpectralDensity, spectral_density};
pub use error::{Error, ProductFailure};
pub use estimate::ProbeEstimate;
pub use faer::{Mat, MatRef};
pub use lanczos::{
    Confirmation, EigenPair, LanczosParameters, LanczosProgress, RitzPairs, SolverStop,
    SpectrumEnd, ZERO_ROUNDINGS, lanczos, largest_pair, silent,
};
pub use operator::{DenseSymmetric, SymmetricOperator, as_matrix};
pub use trace::hutch_plus_plus;
