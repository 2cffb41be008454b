//! Some examples of a dataset: the first n, some classes, a seeded sample.

use minimascope_record::dataset::{SeededSample, Subset};

use crate::cifar::relabelling;
use crate::dataset::{Dataset, LabelledImages};
use crate::error::Error;
use crate::random::{RandomDraw, distinct, stream};

impl Dataset {
    /// The examples that `subset` names.
    ///
    /// # Errors
    /// Those of [`Dataset::first`] and [`Dataset::sample`].
    pub fn subset(self, subset: Subset) -> Result<Dataset, Error> {
        match subset {
            Subset::All => Ok(self),
            Subset::First(count) => self.first(count),
            Subset::Sample(SeededSample { count, seed }) => self.sample(count, seed),
        }
    }

    /// The first `number` examples in file order.
    ///
    /// # Errors
    /// [`Error::TooFewExamples`], [`Error::NoneRequested`].
    pub fn first(&self, number: usize) -> Result<Dataset, Error> {
        self.enough(number)?;
        self.rebuilt(
            self.images()[..number * self.shape().size()].to_vec(),
            self.labels()[..number].to_vec(),
        )
    }

    /// The examples at `indices`, in that order.
    ///
    /// # Errors
    /// [`Error::TooFewExamples`] if an index is not below n, [`Error::NoneRequested`] if there is
    /// no index.
    pub fn at(&self, indices: &[usize]) -> Result<Dataset, Error> {
        match indices.iter().max() {
            None => return Err(Error::NoneRequested(self.source().into())),
            Some(&last) => self.enough(last.saturating_add(1))?,
        }
        self.rebuilt(
            indices.iter().flat_map(|&index| self.image(index)).copied().collect(),
            indices.iter().map(|&index| self.labels()[index]).collect(),
        )
    }

    /// `number` examples drawn without replacement, in file order.
    ///
    /// # Errors
    /// [`Error::TooFewExamples`], [`Error::NoneRequested`].
    pub fn sample(&self, number: usize, seed: u64) -> Result<Dataset, Error> {
        self.at(&self.sample_indices(number, seed)?)
    }

    /// Which examples [`Dataset::sample`] takes, ascending.
    ///
    /// # Errors
    /// [`Error::TooFewExamples`], [`Error::NoneRequested`].
    pub fn sample_indices(&self, number: usize, seed: u64) -> Result<Vec<usize>, Error> {
        self.enough(number)?;
        Ok(distinct(&mut stream(seed, RandomDraw::Sample), number, self.len()))
    }

    /// The examples of some classes, relabelled 0, 1, … in ascending order of the original label.
    ///
    /// # Errors
    /// [`Error::UnknownClass`]; [`Error::Empty`] if no example has one of the classes.
    pub fn of_classes(&self, classes: &[u32]) -> Result<Dataset, Error> {
        let relabelled = relabelling(classes, self.classes(), self.source())?;
        let (mut images, mut labels) = (Vec::new(), Vec::new());
        for (example, &label) in self.labels().iter().enumerate() {
            if let Some(new) = relabelled[label as usize] {
                images.extend_from_slice(self.image(example));
                labels.push(new);
            }
        }
        let mut description = self.description();
        description.classes = Some(relabelled.iter().flatten().count());
        description.class_names = description.class_names.map(|names| {
            names.into_iter().zip(&relabelled).filter_map(|(name, new)| new.map(|_| name)).collect()
        });
        let source = self.source().to_owned();
        Dataset::new(description, LabelledImages { shape: self.shape(), images, labels, source })
    }

    fn enough(&self, requested: usize) -> Result<(), Error> {
        let (file, available) = (self.source().into(), self.len());
        match requested {
            0 => Err(Error::NoneRequested(file)),
            _ if requested > available => Err(Error::TooFewExamples { file, requested, available }),
            _ => Ok(()),
        }
    }

    /// The same dataset with other images and labels.
    pub(crate) fn rebuilt(&self, images: Vec<f32>, labels: Vec<u32>) -> Result<Dataset, Error> {
        let source = self.source().to_owned();
        Dataset::new(
            self.description(),
            LabelledImages { shape: self.shape(), images, labels, source },
        )
    }
}
