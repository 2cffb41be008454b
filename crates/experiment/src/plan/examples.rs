//! From a data configuration to training and test examples.

use std::path::Path;
use std::sync::Arc;

use minimascope_data::catalogue::KnownDataset;
use minimascope_data::{self as data, Dataset, Request, Selection};
use minimascope_record::dataset::{Corruption, DataConfig, Sample, Subset};

use crate::Error;

#[derive(Clone, Debug)]
pub(super) struct Examples {
    pub(super) train: Arc<Dataset>,
    pub(super) test: Option<Arc<Dataset>>,
    pub(super) corrupted: Vec<usize>,
}

/// Examples that were read before, by their configuration: the hundreds of runs of a sweep read
/// and hold each set once.
#[derive(Debug, Default)]
pub struct SharedExamples {
    read: Vec<(DataConfig, Examples)>,
}

impl SharedExamples {
    pub(super) fn load(&mut self, config: &DataConfig) -> Result<Examples, Error> {
        if let Some((_, examples)) = self.read.iter().find(|(read, _)| read == config) {
            return Ok(examples.clone());
        }
        let examples = load(config)?;
        self.read.push((config.clone(), examples.clone()));
        Ok(examples)
    }
}

fn load(config: &DataConfig) -> Result<Examples, Error> {
    let request = Request {
        dataset: config.source.clone(),
        data_dir: config.folder.clone(),
        classes: config.classes.clone(),
        train: selection(config.train),
        test: selection(config.test),
    };
    let (train, test) = data::load(&request)?.into_parts();
    let test = test.map(Arc::new);
    let Some(corruption) = config.corruption else {
        return Ok(Examples { train: Arc::new(train), test, corrupted: Vec::new() });
    };
    let (corruption, seed) = match corruption {
        Corruption::AfterClean { clean, corrupted, seed } => {
            (data::Corruption::AfterClean { clean, corrupted }, seed)
        }
        Corruption::Number { examples, seed } => (data::Corruption::Number { examples }, seed),
        Corruption::Fraction { fraction, seed } => (data::Corruption::Fraction { fraction }, seed),
    };
    let (train, record) = train.corrupted(corruption, seed)?;
    let corrupted = record.changed.iter().map(|changed| changed.example).collect();
    Ok(Examples { train: Arc::new(train), test, corrupted })
}

fn selection(subset: Subset) -> Selection {
    match subset {
        Subset::All => Selection::All,
        Subset::First(examples) => Selection::First { examples },
        Subset::Sample(Sample { count, seed }) => Selection::Sample { examples: count, seed },
    }
}

/// The same data from any working directory.
pub(super) fn with_absolute_paths(mut config: DataConfig) -> DataConfig {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    config.folder = config.folder.map(|folder| absolute(&folder));
    let source = Path::new(&config.source);
    if KnownDataset::by_name(&config.source).is_err() && source.exists() {
        config.source = absolute(source).to_string_lossy().into_owned();
    }
    config
}
