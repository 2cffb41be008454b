//! A network: an architecture, checked and laid out as a list of operations on buffers.

mod sizes;

use std::ops::Range;

use minimascope_record::architecture::{Architecture, Layer, Shape};

use crate::Error;
use crate::layers::{Affine, Convolution, Node, Operation, Pool};

use sizes::MOST_SIDE;

/// One parameter tensor: its name and shape in PyTorch's words, and where it lies in θ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// As `torch.nn.Sequential` would name it: `0.weight`, `3.layers.0.bias`, `3.shortcut.weight`.
    pub name: String,
    /// As PyTorch has it: outputs × inputs, or C_out × C_in × k × k, or outputs.
    pub shape: Vec<usize>,
    /// Its numbers in θ. A filter lies there as k × k × C_in × C_out.
    pub range: Range<usize>,
    /// Inputs of one output: what the initialisation scales by.
    pub fan_in: usize,
    /// Weight or bias, of what.
    pub role: Role,
}

/// What a tensor is to its layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// W of a linear layer.
    LinearWeight,
    /// b of a linear layer.
    LinearBias,
    /// The filter of a convolution.
    Filter,
    /// The bias of a convolution.
    FilterBias,
}

/// One line of the layer table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerSummary {
    /// Index path, as in parameter names.
    pub name: String,
    /// What the layer is, with its sizes.
    pub kind: String,
    /// Shape of its output.
    pub output: Shape,
    /// Its parameters.
    pub parameters: usize,
    /// Multiply–adds of its forward pass for one example.
    pub multiply_adds: usize,
}

/// A checked network. It holds no parameters: θ is a vector of [`Network::parameters`] numbers.
#[derive(Clone, Debug)]
pub struct Network {
    architecture: Architecture,
    nodes: Vec<Node>,
    /// Numbers of each buffer for one example. Buffer 0 is the input.
    buffers: Vec<usize>,
    /// Where each buffer starts in a tape for one example; buffer 0 is not on tapes.
    offsets: Vec<usize>,
    /// The buffer that holds z.
    output: usize,
    outputs: usize,
    parameters: usize,
    tensors: Vec<Tensor>,
    layers: Vec<LayerSummary>,
    /// Places for the winners of max-pooling, for one example.
    winners: usize,
    /// Numbers of all filters together.
    filters: usize,
}

impl Network {
    /// Checks that every layer fits the one before it and lays the network out.
    ///
    /// # Errors
    /// [`Error::Layer`] names the layer that does not fit; [`Error::NoParameters`].
    pub fn new(architecture: &Architecture) -> Result<Self, Error> {
        let mut builder = Builder::new(architecture.input);
        let input = architecture.input;
        let fits = |side: usize| (1..=MOST_SIDE).contains(&side);
        builder.check(
            fits(input.channels) && fits(input.height) && fits(input.width),
            "input",
            "shape",
            || format!("channels, height and width must be from 1 to {MOST_SIDE}"),
        )?;
        let end = builder.chain("", &architecture.layers, Place::start(input), None)?;
        let outputs = end.shape.size();
        let end = builder.as_vector(end);
        if builder.parameters == 0 {
            return Err(Error::NoParameters);
        }
        builder.mark_first_writers(end.buffer);
        let mut offsets = vec![0; builder.buffers.len()];
        let mut total = 0;
        for (offset, size) in offsets.iter_mut().zip(&builder.buffers).skip(1) {
            *offset = total;
            total += size;
        }
        Ok(Self {
            architecture: architecture.clone(),
            nodes: builder.nodes,
            buffers: builder.buffers,
            offsets,
            output: end.buffer,
            outputs,
            parameters: builder.parameters,
            tensors: builder.tensors,
            layers: builder.layers,
            winners: builder.winners,
            filters: builder.filters,
        })
    }

    /// What this was made from.
    #[must_use]
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// P, the length of θ.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// K, the number of outputs.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The shape of one input.
    #[must_use]
    pub fn input(&self) -> Shape {
        self.architecture.input
    }

    /// The layer table.
    #[must_use]
    pub fn layers(&self) -> &[LayerSummary] {
        &self.layers
    }

    /// The parameter tensors, in the order of θ.
    #[must_use]
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// Multiply–adds of one forward pass of one example.
    #[must_use]
    pub fn multiply_adds(&self) -> usize {
        self.layers.iter().map(|layer| layer.multiply_adds).sum()
    }

    /// Whether any layer is a convolution.
    #[must_use]
    pub fn has_convolution(&self) -> bool {
        self.nodes.iter().any(|node| matches!(node.operation, Operation::Convolution(_)))
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

    pub(crate) fn filters(&self) -> usize {
        self.filters
    }

    pub(crate) fn winners(&self) -> usize {
        self.winners
    }

    /// Numbers of a framed group of images, in the layer where they are most.
    pub(crate) fn framed(&self) -> usize {
        let layers = self.nodes.iter().filter_map(Affine::of);
        layers.map(|(affine, ..)| affine.framed()).max().unwrap_or(0)
    }
}

/// Where the chain has come to while it is laid out.
#[derive(Clone, Copy)]
struct Place {
    buffer: usize,
    shape: Shape,
    /// Whether the value depends on θ: its tangent is not zero and its derivative is wanted.
    trained: bool,
}

impl Place {
    fn start(shape: Shape) -> Self {
        Self { buffer: 0, shape, trained: false }
    }
}

struct Builder {
    nodes: Vec<Node>,
    buffers: Vec<usize>,
    parameters: usize,
    tensors: Vec<Tensor>,
    layers: Vec<LayerSummary>,
    winners: usize,
    filters: usize,
}

impl Builder {
    fn new(input: Shape) -> Self {
        Self {
            nodes: Vec::new(),
            buffers: vec![input.size()],
            parameters: 0,
            tensors: Vec::new(),
            layers: Vec::new(),
            winners: 0,
            filters: 0,
        }
    }

    /// `shared` is the buffer that a residual block reads twice, so that nothing may be written
    /// over it inside.
    fn chain(
        &mut self,
        prefix: &str,
        layers: &[Layer],
        mut at: Place,
        shared: Option<usize>,
    ) -> Result<Place, Error> {
        for (index, layer) in layers.iter().enumerate() {
            at = self.layer(&format!("{prefix}{index}"), layer, at, shared)?;
        }
        Ok(at)
    }

    fn layer(
        &mut self,
        name: &str,
        layer: &Layer,
        at: Place,
        shared: Option<usize>,
    ) -> Result<Place, Error> {
        let parameters_before = self.parameters;
        let summary = self.layers.len();
        let (kind, multiply_adds, end) = match *layer {
            Layer::Linear { outputs, bias } => {
                self.check_sizes(name, "linear", &[("outputs", outputs, 1)])?;
                let at = self.as_vector(at);
                let inputs = at.shape.size();
                self.check_count(name, "linear", "weights", &[inputs, outputs])?;
                let weight =
                    self.tensor(name, "weight", &[outputs, inputs], inputs, Role::LinearWeight);
                let bias =
                    bias.then(|| self.tensor(name, "bias", &[outputs], inputs, Role::LinearBias));
                let shape = Shape { channels: outputs, height: 1, width: 1 };
                let operation = Operation::Linear { inputs, outputs, weight, bias };
                let end = self.push(operation, at, None, shape, true);
                (format!("linear {inputs} → {outputs}"), inputs * outputs, end)
            }
            Layer::Convolution { channels, kernel, stride, padding, bias } => {
                let end = self.convolution(name, at, channels, kernel, stride, padding, bias)?;
                let positions = end.shape.height * end.shape.width;
                let work = positions * channels * kernel * kernel * at.shape.channels;
                let kind = format!(
                    "convolution {kernel}×{kernel}, {} → {channels}, stride {stride}, padding {padding}",
                    at.shape.channels
                );
                (kind, work, end)
            }
            Layer::MaxPool { window, stride } => {
                let pool = self.pool(name, "max-pool", at, window, stride.unwrap_or(window))?;
                let (shape, at_winner) = (pool.output(), self.winners);
                self.winners += shape.size();
                let operation = Operation::MaxPool { pool, winners: at_winner };
                let end = self.push(operation, at, None, shape, at.trained);
                (format!("max-pool {window}×{window}"), 0, end)
            }
            Layer::AveragePool { window, stride } => {
                let pool = self.pool(name, "average-pool", at, window, stride.unwrap_or(window))?;
                let shape = pool.output();
                let end = self.push(Operation::AveragePool(pool), at, None, shape, at.trained);
                (format!("average-pool {window}×{window}"), 0, end)
            }
            Layer::GlobalAveragePool => {
                let pool = Pool::whole(at.shape);
                let shape = pool.output();
                let end = self.push(Operation::AveragePool(pool), at, None, shape, at.trained);
                ("global-average-pool".into(), 0, end)
            }
            Layer::Flatten => ("flatten".into(), 0, self.as_vector(at)),
            Layer::Activation { function } => {
                // ReLU needs no value but its own output and has no second derivative, so it can
                // write over its input unless somebody else reads that.
                let in_place = function == minimascope_record::architecture::Activation::Relu
                    && shared != Some(at.buffer)
                    && self.nodes.last().is_some_and(|node| {
                        node.output == at.buffer && node.operation.forgets_output()
                    });
                let operation = Operation::Activation(function);
                let end = if in_place {
                    self.nodes.push(Node::new(operation, at.buffer, None, at.buffer, at.trained));
                    at
                } else {
                    self.push(operation, at, None, at.shape, at.trained)
                };
                (format!("{function:?}").to_lowercase(), 0, end)
            }
            Layer::Residual { ref layers, projection } => {
                self.check(!layers.is_empty(), name, "residual", || "it has no layers".into())?;
                let inner = self.chain(&format!("{name}.layers."), layers, at, Some(at.buffer))?;
                let shortcut = self.shortcut(name, at, inner.shape, projection)?;
                let end = self.push(
                    Operation::Add,
                    inner,
                    Some(shortcut.buffer),
                    inner.shape,
                    inner.trained || shortcut.trained,
                );
                ("residual sum".into(), 0, end)
            }
        };
        // A residual block's inner layers have their own lines before the block's.
        let inner: usize = self.layers[summary..].iter().map(|l| l.parameters).sum();
        let mut multiply_adds = multiply_adds;
        if let Layer::Residual { projection: true, .. } = layer {
            multiply_adds = at.shape.channels * end.shape.size();
        }
        self.layers.push(LayerSummary {
            name: name.to_owned(),
            kind,
            output: end.shape,
            parameters: self.parameters - parameters_before - inner,
            multiply_adds,
        });
        Ok(end)
    }

    #[allow(clippy::too_many_arguments)]
    fn convolution(
        &mut self,
        name: &str,
        at: Place,
        channels: usize,
        kernel: usize,
        stride: usize,
        padding: usize,
        bias: bool,
    ) -> Result<Place, Error> {
        let kind = "convolution";
        let sizes = [
            ("channels", channels, 1),
            ("kernel", kernel, 1),
            ("stride", stride, 1),
            ("padding", padding, 0),
        ];
        self.check_sizes(name, kind, &sizes)?;
        let (height, width) = (at.shape.height + 2 * padding, at.shape.width + 2 * padding);
        self.check(kernel <= height && kernel <= width, name, kind, || {
            format!("a kernel of {kernel} is larger than its padded input {height}×{width}")
        })?;
        let inputs = at.shape.channels;
        self.check_count(name, kind, "weights", &[channels, inputs, kernel, kernel])?;
        // The frames of the backward pass are as large as kernel and padding make them.
        let (height, width) = (height + kernel, width + kernel);
        let widest = channels.max(inputs);
        self.check_count(name, kind, "numbers in its framed image", &[height, width, widest])?;
        let fan_in = inputs * kernel * kernel;
        let shape = [channels, inputs, kernel, kernel];
        let weight = self.tensor(name, "weight", &shape, fan_in, Role::Filter);
        let bias = bias.then(|| self.tensor(name, "bias", &[channels], fan_in, Role::FilterBias));
        let filter = self.filters..self.filters + weight.len();
        self.filters = filter.end;
        let places = (weight, filter);
        let convolution =
            Convolution::new(at.shape, channels, kernel, stride, padding, places, bias);
        let shape = convolution.output();
        Ok(self.push(Operation::Convolution(Box::new(convolution)), at, None, shape, true))
    }

    fn pool(
        &self,
        name: &str,
        kind: &str,
        at: Place,
        window: usize,
        stride: usize,
    ) -> Result<Pool, Error> {
        self.check_sizes(name, kind, &[("window", window, 1), ("stride", stride, 1)])?;
        self.check(window <= 15, name, kind, || {
            format!("a window of {window} is larger than 15; use global-average-pool")
        })?;
        self.check(window <= at.shape.height && window <= at.shape.width, name, kind, || {
            format!(
                "a window of {window} is larger than its input {}×{}",
                at.shape.height, at.shape.width
            )
        })?;
        Ok(Pool::new(at.shape, window, stride))
    }

    fn shortcut(
        &mut self,
        name: &str,
        at: Place,
        shape: Shape,
        projection: bool,
    ) -> Result<Place, Error> {
        if !projection {
            self.check(at.shape == shape, name, "residual", || {
                format!(
                    "the inner chain maps {} to {shape}; set projection = true, or keep the shape",
                    at.shape
                )
            })?;
            return Ok(at);
        }
        let stride = at.shape.height.div_ceil(shape.height.max(1));
        let fits = stride > 0
            && at.shape.height.div_ceil(stride) == shape.height
            && at.shape.width.div_ceil(stride) == shape.width;
        self.check(fits, name, "residual", || {
            format!("no stride takes a 1×1 projection from {} to {shape}", at.shape)
        })?;
        self.convolution(&format!("{name}.shortcut"), at, shape.channels, 1, stride, 0, false)
    }

    /// The value in PyTorch's flat order. Images lie position by position, so an image with more
    /// than one position and channel is reordered.
    fn as_vector(&mut self, at: Place) -> Place {
        let shape = Shape { channels: at.shape.size(), height: 1, width: 1 };
        let positions = at.shape.height * at.shape.width;
        if positions == 1 || at.shape.channels == 1 {
            return Place { shape, ..at };
        }
        let operation = Operation::ChannelsFirst { channels: at.shape.channels, positions };
        self.push(operation, at, None, shape, at.trained)
    }

    fn push(
        &mut self,
        operation: Operation,
        at: Place,
        second: Option<usize>,
        shape: Shape,
        trained: bool,
    ) -> Place {
        let buffer = self.buffers.len();
        self.buffers.push(shape.size());
        self.nodes.push(Node::new(operation, at.buffer, second, buffer, at.trained));
        Place { buffer, shape, trained }
    }

    fn tensor(
        &mut self,
        layer: &str,
        what: &str,
        shape: &[usize],
        fan_in: usize,
        role: Role,
    ) -> Range<usize> {
        let range = self.parameters..self.parameters + shape.iter().product::<usize>();
        self.parameters = range.end;
        self.tensors.push(Tensor {
            name: format!("{layer}.{what}"),
            shape: shape.to_vec(),
            range: range.clone(),
            fan_in,
            role,
        });
        range
    }

    /// Going backwards, the first node that reads a buffer writes its derivative and later ones
    /// add to it.
    fn mark_first_writers(&mut self, output: usize) {
        let mut written = vec![false; self.buffers.len()];
        written[output] = true;
        let mut trained = vec![false; self.buffers.len()];
        for node in &self.nodes {
            trained[node.output] |= trained[node.input]
                || node.second.is_some_and(|second| trained[second])
                || node.operation.has_parameters();
        }
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
