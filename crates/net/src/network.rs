//! A network: an architecture, checked and laid out as operations on buffers.

mod builder;
mod node;

use minimascope_record::architecture::{Architecture, Shape};
use minimascope_record::listing::LayerRow;

use crate::layers::{LARGEST_SIZE, LaidOut, LayerName, Reserved};
use crate::tensor::Tensor;
use crate::{Error, Scalar};

pub(crate) use node::Node;

use builder::{BufferShape, Builder};

/// A checked network. It holds no parameters: θ is a vector of [`Network::parameters`] numbers.
#[derive(Clone, Debug)]
pub struct Network {
    architecture: Architecture,
    nodes: Vec<Node>,
    /// Numbers of each buffer for one example. Buffer 0 is the input.
    buffers: Vec<usize>,
    /// Where each buffer starts in a tape for one example. Buffer 0 is on no tape.
    offsets: Vec<usize>,
    /// The buffer that holds z.
    output: usize,
    outputs: usize,
    reserved: Reserved,
    layers: Vec<LayerRow>,
}

impl Network {
    /// Checks that every layer fits the one before it and lays the network out.
    ///
    /// # Errors
    /// [`Error::Layer`] names the layer that does not fit; [`Error::NoParameters`].
    pub fn new(architecture: &Architecture) -> Result<Self, Error> {
        let input = architecture.input;
        let fits = |side: usize| (1..=LARGEST_SIZE).contains(&side);
        LayerName { name: "input", kind: "shape" }
            .check(fits(input.channels) && fits(input.height) && fits(input.width), || {
                format!("channels, height and width must be from 1 to {LARGEST_SIZE}")
            })?;
        let mut builder = Builder::new(input);
        let start = BufferShape { buffer: 0, shape: input };
        let end = builder.chain("", &architecture.layers, start, None)?;
        let end = builder.push_all(LaidOut::flat(end.shape), end, None);
        if builder.reserved.parameters == 0 {
            return Err(Error::NoParameters);
        }
        builder.mark_dependencies(end.buffer);
        let Builder { nodes, buffers, reserved, layers } = builder;
        let mut offsets = vec![0; buffers.len()];
        let mut total = 0;
        for (offset, size) in offsets.iter_mut().zip(&buffers).skip(1) {
            *offset = total;
            total += size;
        }
        Ok(Self {
            architecture: architecture.clone(),
            nodes,
            buffers,
            offsets,
            output: end.buffer,
            outputs: end.shape.size(),
            reserved,
            layers,
        })
    }

    /// What this was made from.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// P, the length of θ.
    pub fn parameters(&self) -> usize {
        self.reserved.parameters
    }

    /// K, the number of outputs.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The shape of one input.
    pub fn input(&self) -> Shape {
        self.architecture.input
    }

    /// The layer table.
    pub fn layers(&self) -> &[LayerRow] {
        &self.layers
    }

    /// The parameter tensors, in the order of θ.
    pub fn tensors(&self) -> &[Tensor] {
        &self.reserved.tensors
    }

    /// Multiply–adds of one forward pass of one example.
    pub fn multiply_adds(&self) -> usize {
        self.layers.iter().map(|layer| layer.multiply_adds).sum()
    }

    /// Whether any layer materialises the directions that differ for each example, as a convolution
    /// does; a linear layer keeps them factored.
    pub fn materialises_directions(&self) -> bool {
        self.reserved.flipped > 0
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub(crate) fn buffer_size(&self, buffer: usize) -> usize {
        self.buffers[buffer]
    }

    pub(crate) fn buffer_offset(&self, buffer: usize) -> usize {
        self.offsets[buffer]
    }

    pub(crate) fn output_buffer(&self) -> usize {
        self.output
    }

    /// Numbers of a tape (all buffers but the input) for one example.
    pub(crate) fn tape_width(&self) -> usize {
        self.buffers[1..].iter().sum()
    }

    /// Numbers of all weights that are kept flipped, and of the weights that a direction of one
    /// example materialises.
    pub(crate) fn flipped(&self) -> usize {
        self.reserved.flipped
    }

    /// Places for the winners of max-pooling, for one example.
    pub(crate) fn winners(&self) -> usize {
        self.reserved.winners
    }

    /// Numbers of a framed group of images, in the layer where they are most.
    pub(crate) fn framed(&self) -> usize {
        self.reserved.framed
    }

    /// The weights in a vector of parameter space as backward passes take them.
    pub(crate) fn flip<T: Scalar>(&self, values: &[T], flipped: &mut Vec<T>) {
        flipped.resize(self.flipped(), T::ZERO);
        for affine in self.nodes.iter().filter_map(|node| node.operation.affine::<T>()) {
            let places = affine.places();
            if !places.flipped.is_empty() {
                let weight = &values[places.weight.clone()];
                affine.flip(weight, &mut flipped[places.flipped.clone()]);
            }
        }
    }
}
