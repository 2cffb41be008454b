//! Lays a network out: its layers in order as nodes between buffers.

use minimascope_record::architecture::{Activation, Layer, Shape};
use minimascope_record::listing::LayerRow;

use crate::Error;
use crate::layers::{
    Convolution, ConvolutionSettings, LaidOut, LayerName, Operation, Reserved, lay_out,
};

use super::node::Node;

/// A buffer and the shape of one example's value in it.
#[derive(Clone, Copy)]
pub(super) struct BufferShape {
    pub buffer: usize,
    pub shape: Shape,
}

/// The layers laid out so far.
pub(super) struct Builder {
    pub nodes: Vec<Node>,
    /// Numbers of each buffer for one example. Buffer 0 is the input.
    pub buffers: Vec<usize>,
    pub reserved: Reserved,
    pub layers: Vec<LayerRow>,
}

impl Builder {
    pub(super) fn new(input: Shape) -> Self {
        Self {
            nodes: Vec::new(),
            buffers: vec![input.size()],
            reserved: Reserved::default(),
            layers: Vec::new(),
        }
    }

    /// Lays out layers one after another. `shared` is the buffer that a residual block reads twice,
    /// which no operation inside the block may write over.
    pub(super) fn chain(
        &mut self,
        prefix: &str,
        layers: &[Layer],
        mut at: BufferShape,
        shared: Option<usize>,
    ) -> Result<BufferShape, Error> {
        for (index, layer) in layers.iter().enumerate() {
            at = self.layer(&format!("{prefix}{index}"), layer, at, shared)?;
        }
        Ok(at)
    }

    fn layer(
        &mut self,
        name: &str,
        layer: &Layer,
        at: BufferShape,
        shared: Option<usize>,
    ) -> Result<BufferShape, Error> {
        let parameters_before = self.reserved.parameters;
        let lines_before = self.layers.len();
        let (kind, multiply_adds, end) = if let Layer::Residual { layers, projection } = layer {
            let (multiply_adds, end) = self.residual(name, layers, *projection, at)?;
            ("residual sum".to_owned(), multiply_adds, end)
        } else {
            let laid_out = lay_out(name, layer, at.shape, &mut self.reserved)?;
            let described = &laid_out.described;
            let (kind, multiply_adds) = (described.kind.clone(), described.multiply_adds);
            (kind, multiply_adds, self.push_all(laid_out, at, shared))
        };
        // The layers inside a residual block have their own lines before the block's.
        let inner: usize = self.layers[lines_before..].iter().map(|line| line.parameters).sum();
        self.layers.push(LayerRow {
            name: name.to_owned(),
            kind,
            output: end.shape,
            parameters: self.reserved.parameters - parameters_before - inner,
            multiply_adds,
        });
        Ok(end)
    }

    /// The inner chain, the shortcut and their sum, with the shortcut's multiply–adds.
    fn residual(
        &mut self,
        name: &str,
        layers: &[Layer],
        projection: bool,
        at: BufferShape,
    ) -> Result<(usize, BufferShape), Error> {
        let block = LayerName { name, kind: "residual" };
        block.check(!layers.is_empty(), || "it has no layers".into())?;
        let inner = self.chain(&format!("{name}.layers."), layers, at, Some(at.buffer))?;
        let (multiply_adds, shortcut) = if projection {
            self.projection(block, at, inner.shape)?
        } else {
            block.check(at.shape == inner.shape, || {
                format!(
                    "the inner chain maps {} to {}; set projection = true, or keep the shape",
                    at.shape, inner.shape
                )
            })?;
            (0, at)
        };
        let sum = self.push(Operation::Sum, inner.buffer, Some(shortcut.buffer), inner.shape);
        Ok((multiply_adds, sum))
    }

    /// A shortcut by a 1×1 convolution whose stride takes the input's size to this shape's.
    fn projection(
        &mut self,
        block: LayerName<'_>,
        at: BufferShape,
        shape: Shape,
    ) -> Result<(usize, BufferShape), Error> {
        let stride = at.shape.height.div_ceil(shape.height.max(1));
        let fits = stride > 0
            && at.shape.height.div_ceil(stride) == shape.height
            && at.shape.width.div_ceil(stride) == shape.width;
        block.check(fits, || {
            format!("no stride takes a 1×1 projection from {} to {shape}", at.shape)
        })?;
        let channels = shape.channels;
        let settings = ConvolutionSettings { channels, kernel: 1, stride, padding: 0, bias: false };
        let name = format!("{}.shortcut", block.name);
        let layer = LayerName { name: &name, kind: "convolution" };
        let (convolution, described) =
            Convolution::lay_out(layer, &mut self.reserved, at.shape, settings)?;
        let operation = Operation::convolution(convolution);
        let end = self.push(operation, at.buffer, None, described.output);
        Ok((described.multiply_adds, end))
    }

    /// Appends a layer's operations. A ReLU needs no value but its own output and has no second
    /// derivative, so it writes over its input unless another node reads that.
    pub(super) fn push_all(
        &mut self,
        laid_out: LaidOut,
        mut at: BufferShape,
        shared: Option<usize>,
    ) -> BufferShape {
        for (operation, shape) in laid_out.operations {
            let in_place = matches!(operation, Operation::Activation(Activation::Relu))
                && shared != Some(at.buffer)
                && self.nodes.last().is_some_and(|node| {
                    node.output == at.buffer && node.operation.can_lose_output()
                });
            if in_place {
                self.nodes.push(Node::new(Operation::ReluInPlace, at.buffer, None, at.buffer));
            } else {
                at = self.push(operation, at.buffer, None, shape);
            }
        }
        BufferShape { shape: laid_out.described.output, ..at }
    }

    fn push(
        &mut self,
        operation: Operation,
        input: usize,
        second: Option<usize>,
        shape: Shape,
    ) -> BufferShape {
        let buffer = self.buffers.len();
        self.buffers.push(shape.size());
        self.nodes.push(Node::new(operation, input, second, buffer));
        BufferShape { buffer, shape }
    }

    /// Notes at each node which of its inputs depend on θ, and which derivatives are written before
    /// its own: the backward pass begins at `output`, and the first node that reads a buffer writes
    /// its derivative, to which later ones add.
    pub(super) fn mark_dependencies(&mut self, output: usize) {
        let mut trained = vec![false; self.buffers.len()];
        for node in &self.nodes {
            trained[node.output] |= trained[node.input]
                || node.second.is_some_and(|second| trained[second])
                || node.operation.affine::<f64>().is_some();
        }
        let mut written = vec![false; self.buffers.len()];
        written[output] = true;
        for node in self.nodes.iter_mut().rev() {
            node.input_trained = trained[node.input];
            if node.input != node.output {
                node.adds_to_input = std::mem::replace(&mut written[node.input], true);
            }
            if let Some(second) = node.second {
                node.second_trained = trained[second];
                node.adds_to_second = std::mem::replace(&mut written[second], true);
            }
        }
    }
}
