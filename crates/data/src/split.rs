//! The training and test examples of one problem.

use crate::dataset::{Dataset, Description, LabelledImages, MOST_CLASSES};
use crate::error::Error;

/// Training and test examples of one problem: the same shape, the same classes.
#[derive(Clone, Debug)]
pub struct Split {
    train: Dataset,
    test: Option<Dataset>,
    notes: Vec<String>,
}

impl Split {
    /// Puts two sets side by side. A file without test examples has `test` absent.
    ///
    /// # Errors
    /// [`Error::SplitMismatch`] if shapes or numbers of classes differ.
    pub fn new(train: Dataset, test: Option<Dataset>) -> Result<Self, Error> {
        if let Some(test) = &test
            && (test.shape() != train.shape() || test.classes() != train.classes())
        {
            return Err(Error::SplitMismatch {
                train: train.source().into(),
                test: test.source().into(),
                train_shape: train.shape(),
                train_classes: train.classes(),
                test_shape: test.shape(),
                test_classes: test.classes(),
            });
        }
        Ok(Self { train, test, notes: Vec::new() })
    }

    /// Checks both sets; absent numbers of classes are counted over both together.
    ///
    /// # Errors
    /// Those of [`Dataset::new`] and [`Split::new`].
    pub fn from_examples(
        mut description: Description,
        train: LabelledImages,
        test: Option<LabelledImages>,
    ) -> Result<Self, Error> {
        let seen = test.as_ref().map_or(0, LabelledImages::classes_seen).max(train.classes_seen());
        description.classes = Some(description.classes.unwrap_or(seen.min(MOST_CLASSES)));
        let train = Dataset::new(description.clone(), train)?;
        let test = test.map(|test| Dataset::new(description, test)).transpose()?;
        Self::new(train, test)
    }

    /// The training examples.
    pub fn train(&self) -> &Dataset {
        &self.train
    }

    /// The test examples, where there are any.
    pub fn test(&self) -> Option<&Dataset> {
        self.test.as_ref()
    }

    /// What a reader saw that whoever uses the examples should know, a sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    pub(crate) fn noting(mut self, notes: impl IntoIterator<Item = String>) -> Self {
        self.notes.extend(notes);
        self
    }

    /// With so many classes at least: a class may have no example.
    pub(crate) fn with_classes(mut self, least: usize) -> Self {
        self.train = self.train.with_classes(least);
        self.test = self.test.map(|test| test.with_classes(least));
        self
    }

    /// Both sets, owned: (train, test).
    pub fn into_parts(self) -> (Dataset, Option<Dataset>) {
        (self.train, self.test)
    }
}
