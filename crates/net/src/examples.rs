//! Inputs and targets in the order and precision of the passes.

use minimascope_record::architecture::Shape;
use minimascope_record::training::Loss;

use crate::{Error, Network, Scalar, loss};

/// n inputs and targets. Images lie position by position (height × width × channels).
#[derive(Clone, Debug, PartialEq)]
pub struct Examples<T> {
    inputs: Vec<T>,
    targets: Vec<T>,
    rows: usize,
    input_size: usize,
    outputs: usize,
}

impl<T: Scalar> Examples<T> {
    /// Labelled images, `channels × height × width` each as PyTorch has them. The target of a
    /// label is one-hot, or the label itself when the network has one output.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::Label`] or [`Error::NotFinite`] for data that does not fit the
    /// network; [`Error::Outputs`] when the loss does not.
    pub fn from_classes(
        network: &Network,
        loss: Loss,
        images: &[f32],
        labels: &[u32],
    ) -> Result<Self, Error> {
        let outputs = network.outputs();
        let mut targets = vec![0.0; labels.len() * outputs];
        for (example, &label) in labels.iter().enumerate() {
            let classes = if outputs == 1 { 2 } else { outputs };
            if label as usize >= classes {
                return Err(Error::Label { example, label, outputs: classes });
            }
            if outputs == 1 {
                targets[example] = f64::from(label);
            } else {
                targets[example * outputs + label as usize] = 1.0;
            }
        }
        Self::from_numbers(network, loss, (images, f64::from), &targets)
    }

    /// Inputs, `channels × height × width` each, with dense targets, n × K.
    ///
    /// # Errors
    /// As [`Examples::from_classes`].
    pub fn from_targets(
        network: &Network,
        loss: Loss,
        inputs: &[f64],
        targets: &[f64],
    ) -> Result<Self, Error> {
        Self::from_numbers(network, loss, (inputs, |x| x), targets)
    }

    /// Inputs of either precision, converted one by one without a copy in double precision.
    fn from_numbers<N: Copy>(
        network: &Network,
        loss: Loss,
        (inputs, number): (&[N], impl Fn(N) -> f64),
        targets: &[f64],
    ) -> Result<Self, Error> {
        loss::check_outputs(loss, network.outputs())?;
        let (input_size, outputs) = (network.input().size(), network.outputs());
        let rows = targets.len() / outputs;
        check_length("targets", targets.len(), rows.max(1) * outputs)?;
        check_length("inputs", inputs.len(), rows * input_size)?;
        check_finite("inputs", inputs.iter().map(|x| number(*x)))?;
        check_finite("targets", targets.iter().copied())?;
        Ok(Self {
            inputs: positions_first(network.input(), inputs, number),
            targets: targets.iter().map(|y| T::from_f64(*y)).collect(),
            rows,
            input_size,
            outputs,
        })
    }

    /// n.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are no examples, which constructors refuse.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The chosen examples, in the order given.
    pub fn select(&self, indices: &[usize]) -> Self {
        let mut chosen = Self { inputs: Vec::new(), targets: Vec::new(), rows: 0, ..*self };
        chosen.gather(self, indices);
        chosen
    }

    /// Overwrites this with the chosen examples of `from`, keeping its memory.
    pub(crate) fn gather(&mut self, from: &Self, indices: &[usize]) {
        self.rows = indices.len();
        self.inputs.clear();
        self.targets.clear();
        for &index in indices {
            self.inputs.extend_from_slice(from.input(index..index + 1));
            self.targets.extend_from_slice(from.target(index..index + 1));
        }
    }

    pub(crate) fn input(&self, range: std::ops::Range<usize>) -> &[T] {
        &self.inputs[range.start * self.input_size..range.end * self.input_size]
    }

    pub(crate) fn target(&self, range: std::ops::Range<usize>) -> &[T] {
        &self.targets[range.start * self.outputs..range.end * self.outputs]
    }

    /// Bytes that they take.
    pub fn bytes(&self) -> usize {
        (self.inputs.len() + self.targets.len()) * size_of::<T>()
    }
}

fn check_length(what: &'static str, found: usize, expected: usize) -> Result<(), Error> {
    if found == expected { Ok(()) } else { Err(Error::Length { what, found, expected }) }
}

fn check_finite(what: &'static str, mut values: impl Iterator<Item = f64>) -> Result<(), Error> {
    match values.position(|x| !x.is_finite()) {
        Some(index) => Err(Error::NotFinite { what, index }),
        None => Ok(()),
    }
}

fn positions_first<T: Scalar, N: Copy>(
    shape: Shape,
    inputs: &[N],
    number: impl Fn(N) -> f64,
) -> Vec<T> {
    let positions = shape.height * shape.width;
    let mut out = Vec::with_capacity(inputs.len());
    for image in inputs.chunks_exact(shape.size()) {
        for p in 0..positions {
            out.extend((0..shape.channels).map(|c| T::from_f64(number(image[c * positions + p]))));
        }
    }
    out
}
