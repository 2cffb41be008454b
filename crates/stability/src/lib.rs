//! Which learning rates and batch sizes can stay at a minimum.
//!
//! Close to a minimum x* where every example is fitted, a step of SGD with learning rate η is
//! x_{t+1} − x* = (I − ηH_B)(x_t − x*), H_B the mean Hessian of the batch. The criteria of this
//! crate say whether that random product contracts, for any problem given as factors of the
//! per-example Hessians ([`ExampleFactors`]: made of rows, a Gram matrix, leading modes, dense
//! Hessians or operators), networks or not:
//!
//! | question | module |
//! |---|---|
//! | one-step contraction, sufficient | [`criteria::theorem_one`] |
//! | sharpness and non-uniformity, the rectangle | [`criteria::rectangle`], [`criteria::variance`] |
//! | the exact mean-square threshold, with momentum too, as a bracket | [`mod@mean_square`] |
//! | cheap necessary bounds | [`criteria::necessary`] |
//! | almost-sure threshold | [`almost_sure`] |
//! | gradient descent with momentum | [`criteria::heavy_ball`] |
//! | the spectrum alone | [`criteria::decoupled`] |
//! | single examples and batches | [`criteria::worst`], [`criteria::batch_sharpness`] |
//! | verdict, boundary, smallest batch, blame, applicability | [`answers`] |
//! | simulation of the linearised dynamics | [`simulation`] |
//! | the one-dimensional example | [`toy`] |
//!
//! ```
//! use std::ops::ControlFlow;
//!
//! use minimascope_stability::answers::{Questions, Verdict, critical_learning_rates};
//! use minimascope_stability::{Batching, ExampleFactors, LearningRate, Sampling};
//!
//! // Two examples of one parameter with curvatures 0.2 and 3.8.
//! let factors = ExampleFactors::from_hessians(2, 1, &[0.2, 3.8])?;
//! let batching = Batching::new(2, 1, Sampling::IndependentWithoutReplacement)?;
//! let found = critical_learning_rates(&factors, &batching, &Questions::default(), &mut |_| {
//!     ControlFlow::Continue(())
//! })?;
//! let judgement = found.bracket().judge(LearningRate::new(0.7)?);
//! assert_eq!(judgement.verdict, Verdict::Leaves);
//! assert!((judgement.margin - 0.7 / 0.552486).abs() < 1e-5);
//! # Ok::<(), minimascope_stability::Error>(())
//! ```

pub mod almost_sure;
pub mod answers;
mod batching;
pub mod criteria;
mod dense;
mod eigen;
mod error;
mod factors;
pub mod mean_square;
#[cfg(test)]
mod problems;
pub mod simulation;
pub mod toy;

pub use batching::{Batching, Estimate, LearningRate, Momentum, Sampling};
pub use eigen::Leading;
pub use error::Error;
pub use factors::ExampleFactors;
