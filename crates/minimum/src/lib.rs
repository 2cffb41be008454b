//! What may stay at a trained point: its measurement, thresholds, attribution and verdict.
//!
//! A [`TrainedPoint`](minimascope_curvature::TrainedPoint) says how curvature acts, the theory
//! ([`minimascope_stability`]) what follows from it; here they meet. Nothing in this crate knows
//! where a point comes from: it reads no file and no plan.
//!
//! | question | function |
//! |---|---|
//! | sharpness, non-uniformity, more of the spectrum | [`measure`] |
//! | everything that thresholds need | [`Minimum::of`] |
//! | does SGD stay, up to which η, from which B on, at every B, which examples | [`Minimum::ask`] |
//!
//! ```
//! use minimascope_curvature::DensePoint;
//! use minimascope_minimum::{Budget, Minimum};
//! use minimascope_record::stability::{StabilityQuestion, Verdict};
//! use minimascope_record::threshold;
//!
//! // Two examples of one parameter with curvatures 0.2 and 3.8.
//! let mut point = DensePoint::new(1, &[0.2, 3.8])?;
//! let mut minimum = Minimum::of(&mut point, &Budget::default())?;
//! let question = StabilityQuestion {
//!     learning_rate: Some(0.7),
//!     batch_size: Some(1),
//!     ..StabilityQuestion::default()
//! };
//! let answer = minimum.ask(&question)?;
//! assert_eq!(answer.verdict, Some(Verdict::Leaves));
//! let exact = threshold::mean_square(&answer.thresholds).unwrap();
//! assert!((exact.learning_rate - 0.552486).abs() < 1e-5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod ask;
mod attribution;
mod budget;
mod error;
mod examples;
mod factors;
mod measure;
mod minimum;
mod notes;
mod spectrum;
mod watch;

pub use ask::check;
pub use budget::Budget;
pub use error::Error;
pub use measure::{
    MeasuredCurvature, Measurement, SpectrumQuestion, facts, measure, measure_curvature, summary,
};
pub use minimum::{KnownMinimum, Minimum, effort};
pub use spectrum::{non_uniformity, sharpness};
pub use watch::{MeasureProgress, Measuring, Quantity, Watch};
