//! What a network is made of, in the words of a configuration file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The shape of one input: channels × height × width. A plain vector is `d × 1 × 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Number of channels.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Shape {
    /// Numbers in one value of this shape.
    pub fn size(&self) -> usize {
        self.channels * self.height * self.width
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.height == 1 && self.width == 1 {
            write!(formatter, "{}", self.channels)
        } else {
            write!(formatter, "{}×{}×{}", self.channels, self.height, self.width)
        }
    }
}

/// A feed-forward network: an input shape and layers in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// The shape of one input.
    pub input: Shape,
    /// Layers from input to output. The last one's size is the number of outputs K.
    pub layers: Vec<Layer>,
}

/// One layer. In TOML: `{ kind = "linear", outputs = 500 }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Layer {
    /// z = W a + b on the flattened input; W is outputs × inputs.
    Linear {
        /// Number of outputs.
        outputs: usize,
        /// Whether b is there.
        #[serde(default = "yes")]
        bias: bool,
    },
    /// Two-dimensional cross-correlation with a square kernel and zero padding.
    Convolution {
        /// Output channels.
        channels: usize,
        /// Side of the kernel.
        kernel: usize,
        /// Step between positions.
        #[serde(default = "one")]
        stride: usize,
        /// Zeros added on every side.
        #[serde(default)]
        padding: usize,
        /// Whether each output channel has a bias.
        #[serde(default = "yes")]
        bias: bool,
    },
    /// Maximum over square windows; the first maximum in row order takes the derivative.
    MaxPool {
        /// Side of the window.
        window: usize,
        /// Step between windows; the window's side if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stride: Option<usize>,
    },
    /// Mean over square windows.
    AveragePool {
        /// Side of the window.
        window: usize,
        /// Step between windows; the window's side if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stride: Option<usize>,
    },
    /// Mean of each channel over all positions.
    GlobalAveragePool,
    /// To a vector, channel by channel as PyTorch orders it.
    Flatten,
    /// An elementwise function.
    Activation {
        /// Which.
        function: Activation,
    },
    /// The sum of an inner chain of layers and a shortcut from its input. The shortcut is the
    /// identity, or, with `projection`, a 1×1 convolution (no bias) that maps the input's
    /// channels and size to the inner chain's by its stride.
    Residual {
        /// The inner chain.
        layers: Vec<Layer>,
        /// Whether the shortcut is a 1×1 convolution.
        #[serde(default)]
        projection: bool,
    },
}

/// An elementwise function of one variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// max(x, 0), with derivative 0 at 0.
    Relu,
    /// tanh x.
    Tanh,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// x Φ(x) with the normal distribution function Φ, exact (by erf), not the tanh form.
    Gelu,
    /// x / (1 + e⁻ˣ).
    Silu,
    /// log(1 + eˣ).
    Softplus,
}

fn yes() -> bool {
    true
}

fn one() -> usize {
    1
}
