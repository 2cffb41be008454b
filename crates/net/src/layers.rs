//! The layers of a network, each with its checks and its part of every pass.
//!
//! A layer with weights implements [`Affine`], a layer without implements [`Map`]. To add one, give
//! it a word in `minimascope_record::architecture`, a file here, and its lines in [`lay_out`],
//! [`Operation`] and [`Operation::form`].
//!
//! Images lie position by position with the channels of a position together (height × width ×
//! channels), one example after another, so that any number of examples is one tall matrix.

mod activation;
mod affine;
mod convolution;
mod flatten;
mod layout;
mod linear;
mod map;
mod pool;

use minimascope_record::architecture::{Activation, Layer, Shape};

use crate::{Error, Scalar};

pub(crate) use activation::{clip, mask, sigmoid, softplus};
pub(crate) use affine::{Affine, GramRows, OwnDirection, Weights, Work, add_bias, start_with_bias};
pub(crate) use convolution::{Convolution, ConvolutionSettings};
pub(crate) use layout::{Described, LARGEST_SIZE, LayerName, Reserved};
pub(crate) use map::{LayerValues, Map};

use flatten::ChannelsFirst;
use linear::Linear;
use pool::{AveragePool, MaxPool};

/// What a node computes from its input.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Linear(Linear),
    Convolution(Box<Convolution>),
    MaxPool(MaxPool),
    AveragePool(AveragePool),
    ChannelsFirst(ChannelsFirst),
    Activation(Activation),
    /// ReLU that writes over its own input.
    ReluInPlace,
    /// The sum of two inputs.
    Sum,
}

/// How the passes see an operation.
pub(crate) enum Form<'a, T> {
    Affine(&'a dyn Affine<T>),
    Map(&'a dyn Map<T>),
    ReluInPlace,
    Sum,
}

impl Operation {
    pub(crate) fn form<T: Scalar>(&self) -> Form<'_, T> {
        match self {
            Self::Linear(layer) => Form::Affine(layer),
            Self::Convolution(layer) => Form::Affine(&**layer),
            Self::MaxPool(layer) => Form::Map(layer),
            Self::AveragePool(layer) => Form::Map(layer),
            Self::ChannelsFirst(layer) => Form::Map(layer),
            Self::Activation(function) => Form::Map(function),
            Self::ReluInPlace => Form::ReluInPlace,
            Self::Sum => Form::Sum,
        }
    }

    pub(crate) fn affine<T: Scalar>(&self) -> Option<&dyn Affine<T>> {
        if let Form::Affine(affine) = self.form() { Some(affine) } else { None }
    }

    /// Whether a ReLU may write over the output, because no derivative of this operation needs it.
    pub(crate) fn can_lose_output(&self) -> bool {
        !matches!(self, Self::Activation(_) | Self::ReluInPlace)
    }
}

/// A layer as operations in a row, each with the shape of its output.
pub(crate) struct LaidOut {
    pub operations: Vec<(Operation, Shape)>,
    pub described: Described,
}

impl LaidOut {
    /// An image as a vector in PyTorch's order: no operation where it lies in that order already.
    pub(crate) fn flat(input: Shape) -> Self {
        let described = ChannelsFirst::describe(input);
        let reordering = ChannelsFirst::of(input).map(Operation::ChannelsFirst);
        let operations = reordering.map(|operation| (operation, described.output));
        Self { operations: operations.into_iter().collect(), described }
    }

    fn then<L>(mut self, (layer, described): (L, Described), make: fn(L) -> Operation) -> Self {
        self.operations.push((make(layer), described.output));
        Self { described, ..self }
    }

    fn of<L>((layer, described): (L, Described), make: fn(L) -> Operation) -> Self {
        Self { operations: vec![(make(layer), described.output)], described }
    }
}

/// Checks that a layer fits its input and lays it out. A residual block is laid out by the network,
/// from the layers inside it.
pub(crate) fn lay_out(
    name: &str,
    layer: &Layer,
    input: Shape,
    reserved: &mut Reserved,
) -> Result<LaidOut, Error> {
    let of = |kind| LayerName { name, kind };
    Ok(match *layer {
        Layer::Linear { outputs, bias } => {
            let flat = LaidOut::flat(input);
            let shape = flat.described.output;
            let linear = Linear::lay_out(of("linear"), reserved, shape, (outputs, bias))?;
            flat.then(linear, Operation::Linear)
        }
        Layer::Convolution { channels, kernel, stride, padding, bias } => {
            let settings = ConvolutionSettings { channels, kernel, stride, padding, bias };
            let convolution = Convolution::lay_out(of("convolution"), reserved, input, settings)?;
            LaidOut::of(convolution, Operation::convolution)
        }
        Layer::MaxPool { window, stride } => {
            let pool = MaxPool::lay_out(of("max-pool"), reserved, input, (window, stride))?;
            LaidOut::of(pool, Operation::MaxPool)
        }
        Layer::AveragePool { window, stride } => {
            let pool = AveragePool::lay_out(of("average-pool"), input, (window, stride))?;
            LaidOut::of(pool, Operation::AveragePool)
        }
        Layer::GlobalAveragePool => {
            let pool = AveragePool::lay_out_whole(of("global-average-pool"), input);
            LaidOut::of(pool, Operation::AveragePool)
        }
        Layer::Flatten => LaidOut::flat(input),
        Layer::Activation { function } => {
            LaidOut::of((function, activation::describe(function, input)), Operation::Activation)
        }
        Layer::Residual { .. } => unreachable!("the network lays out what is inside a block"),
    })
}

impl Operation {
    pub(crate) fn convolution(convolution: Convolution) -> Self {
        Self::Convolution(Box::new(convolution))
    }
}
