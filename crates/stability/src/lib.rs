//! Which learning rates and batch sizes can stay at a minimum.
//!
//! Close to a minimum x* where every example is fitted, a step of SGD with learning rate η is
//! x_{t+1} − x* = (I − ηH_B)(x_t − x*), H_B the mean Hessian of the batch. The criteria of this
//! crate say whether that random product contracts, for any problem given as factors of the
//! per-example Hessians ([`ExampleFactors`]: made of rows, a Gram matrix, leading
//! eigenvectors of H, or dense Hessians), networks or not:
//!
//! | question | module |
//! |---|---|
//! | every threshold at one batch size | [`thresholds`](mod@thresholds) |
//! | the criteria, one file each, and the list of them | [`criteria`] |
//! | the exact mean-square threshold, with momentum too, as a bracket | [`mod@mean_square`] |
//! | stays, leaves or not decided | [`verdict`] |
//! | whether the theory applies to a point | [`applicability`] |
//! | the smallest batch size for a learning rate | [`smallest_batch`] |
//! | which examples make SGD leave | [`attribution`] |
//! | simulation of the linearised dynamics | [`simulation`] |
//! | the one-dimensional example | [`toy`] |
//!
//! ```
//! use std::ops::ControlFlow;
//!
//! use minimascope_record::{stability::Verdict, threshold};
//! use minimascope_stability::criterion::{Curvatures, Effort};
//! use minimascope_stability::thresholds::thresholds;
//! use minimascope_stability::verdict::judge;
//! use minimascope_stability::{Batching, ExampleFactors, LearningRate, Sampling};
//!
//! // Two examples of one parameter with curvatures 0.2 and 3.8.
//! let factors = ExampleFactors::from_hessians(2, 1, &[0.2, 3.8])?;
//! let batching = Batching::new(2, 1, Sampling::IndependentBatches)?;
//! let curvatures = Curvatures::of(&factors)?;
//! let go = &mut |_: &_| ControlFlow::Continue(());
//! let found = thresholds(&factors, &curvatures, &batching, &Effort::default(), go)?.unwrap();
//! let exact = threshold::mean_square(&found).unwrap();
//! let judgement = judge(exact, LearningRate::new(0.7)?, &[]);
//! assert_eq!(judgement.verdict, Verdict::Leaves);
//! assert!((judgement.margin - 0.7 / 0.552486).abs() < 1e-5);
//! # Ok::<(), minimascope_stability::Error>(())
//! ```

pub mod applicability;
pub mod attribution;
mod batching;
pub mod criteria;
pub mod criterion;
mod dense;
mod eigen;
pub mod epochs;
mod error;
mod factors;
pub mod mean_square;
#[cfg(test)]
mod problems;
pub mod simulation;
pub mod smallest_batch;
pub mod thresholds;
pub mod toy;
pub mod verdict;

pub use batching::{Batching, LearningRate, MeanEstimate, Momentum};
pub use eigen::Leading;
pub use error::Error;
pub use factors::ExampleFactors;
pub use minimascope_record::training::Sampling;
