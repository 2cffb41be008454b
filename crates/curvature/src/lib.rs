//! A trained point as one trait, and its matrices as operators.
//!
//! | question | type |
//! |---|---|
//! | what the theory needs of a trained point | [`TrainedPoint`] |
//! | a network of ours at its parameters | [`minimascope_net::Evaluator`] implements it |
//! | a small problem of one's own, given by its H_i | [`DensePoint`] |
//! | H, G, mean H_i² or Σ for an eigensolver | [`PointOperator`] of a [`Matrix`] |
//! | the Gram matrix AAᵀ/n without forming it | [`GramOperator`] |
//!
//! No P × P matrix is formed: an operator borrows a point and multiplies vectors there, for
//! [`minimascope_linop`] to find its spectrum.

mod dense;
mod network;
mod operators;
mod point;

pub use dense::DensePoint;
pub use minimascope_linop::ProductFailure;
pub use operators::{GramOperator, PointOperator};
pub use point::{
    Coupling, Matrix, PointFacts, PointShape, ProductCost, TrainedPoint, blocks_from_products,
    gram_from_products,
};
