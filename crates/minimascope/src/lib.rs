//! An instrument for the minima that gradient descent finds: the library's front door.
//!
//! One dependency, a flat list of types. The crates behind it can be used alone.
//!
//! | I want | type |
//! |---|---|
//! | which learning rates and batch sizes can stay at a point | [`Minimum`], [`StabilityQuestion`] |
//! | the exact threshold of my own H_i | [`DensePoint`], then [`Minimum`] |
//! | a network of mine at its parameters | [`Network`], [`Examples`], [`Evaluator`] |
//! | any other model as a point | implement [`TrainedPoint`] |
//! | sharpness, non-uniformity, top of the spectrum, density, trace | [`measure`] |
//! | a curvature matrix for an eigensolver of mine | [`PointOperator`] of a [`Matrix`] |
//! | an eigensolver for an operator of mine | [`SymmetricOperator`], [`lanczos`] |
//! | thresholds from square-root factors A_i alone | [`ExampleFactors`], [`thresholds`] |
//! | the criteria, with sources | [`CRITERIA`], [`Threshold`] |
//! | images that are part of the crate | [`load`], [`Request`] |
//! | training with observers | [`Trainer`], [`TrainingSettings`] |
//!
//! The exact threshold of one's own Hessians:
//!
//! ```
//! use minimascope::{Budget, DensePoint, Minimum, StabilityQuestion, mean_square};
//!
//! // Three examples of two parameters, H_i one after the other.
//! let hessians = [4.0, 1.0, 1.0, 1.0, 0.5, 0.0, 0.0, 0.5, 1.0, -1.0, -1.0, 2.0];
//! let mut point = DensePoint::new(2, &hessians)?;
//! let mut minimum = Minimum::of(&mut point, &Budget::default())?;
//! let question = StabilityQuestion { batch_size: Some(1), ..Default::default() };
//! let answer = minimum.ask(&question)?;
//! let exact = mean_square(&answer.thresholds).unwrap();
//! let ends = exact.ends();
//! println!("η* = {} in [{}, {}]", exact.learning_rate, ends.lower, ends.upper);
//! assert!(ends.lower <= exact.learning_rate && exact.learning_rate <= ends.upper);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The program is behind the default feature `program`: a library user turns it off with
//! `default-features = false`. With it, [`program`] is the whole command line as a function.

// The program: arguments, progress, exit codes. No mathematics.
#[cfg(feature = "program")]
mod arguments;
#[cfg(feature = "program")]
mod commands;
#[cfg(feature = "program")]
mod criteria;
#[cfg(feature = "program")]
mod executable;
#[cfg(feature = "program")]
mod exit;
#[cfg(feature = "program")]
mod interrupt;
#[cfg(feature = "program")]
mod output;
#[cfg(feature = "program")]
mod pictures;
#[cfg(feature = "program")]
mod progress;
#[cfg(feature = "program")]
mod summary;
#[cfg(feature = "program")]
mod table;

/// Runs the command line `arguments`, whose first is the path of the program itself, and returns its exit
/// code. A tool that brings the program under its own executable calls this; a wrong command line,
/// `--help` and a second Ctrl-C end the process.
#[cfg(feature = "program")]
pub fn program(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> u8 {
    exit::code(commands::CommandLine::read(arguments).run())
}

pub use minimascope_curvature::{
    Coupling, DensePoint, GramOperator, Matrix, PointFacts, PointOperator, PointShape, ProductCost,
    ProductFailure, TrainedPoint,
};
pub use minimascope_data::{Dataset, Request, load};
pub use minimascope_linop::{
    DensityParameters, EigenPair, LanczosParameters, SpectrumEnd, SymmetricOperator, as_matrix,
    hutch_plus_plus, lanczos, largest_pair, spectral_density,
};
pub use minimascope_minimum::{
    Budget, Error, MeasureProgress, Measurement, Measuring, Minimum, Quantity, SpectrumQuestion,
    Watch, measure,
};
pub use minimascope_net::train::{CompletedStep, Observer, Settings as TrainingSettings, Trainer};
pub use minimascope_net::{Evaluator, Examples, Execution, Network, Scalar, files, presets};
pub use minimascope_record::architecture::{Activation, Architecture, Layer, Shape};
pub use minimascope_record::config::Precision;
pub use minimascope_record::measured::{Density, Estimate, Measured};
pub use minimascope_record::stability::{
    Attribution, MeasuredPoint, StabilityQuestion, StabilityReport, Verdict,
};
pub use minimascope_record::threshold::{
    Bracket, CriterionName, Evidence, Proves, Threshold, mean_square,
};
pub use minimascope_record::training::{Initialization, Loss, Optimizer, Sampling, Schedule, Stop};
pub use minimascope_stability::criteria::CRITERIA;
pub use minimascope_stability::criterion::{
    Criterion, Curvatures, Effort, SearchProgress, Simulation,
};
pub use minimascope_stability::thresholds::thresholds;
pub use minimascope_stability::{Batching, ExampleFactors, LearningRate, Momentum};

/// The library examples of README.md; that of a network is run as `examples/own_network.rs`.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
