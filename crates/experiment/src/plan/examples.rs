//! From a data configuration to training and test examples.

use std::path::Path;

use minimascope_data::catalogue::KnownDataset;
use minimascope_data::{self as data, Dataset, Request, Selection};
use minimascope_record::dataset::{Corruption, DataConfig, Sample, Subset};

use crate::Error;

pub(super) struct Examples {
    pub(super) train: Dataset,
    pub(super) test: Option<Dataset>,
    pub(super) corrupted: Vec<usize>,
}

pub(super) fn load(config: &DataConfig) -> Result<Examples, Error> {
    let request = Request {
        dataset: config.source.clone(),
        data_dir: config.folder.clone(),
        classes: config.classes.clone(),
        train: selection(config.train),
        test: selection(config.test),
    };
    let (train, test) = data::load(&request)?.into_parts();
    let Some(corruption) = config.corruption else {
        return Ok(Examples { train, test, corrupted: Vec::new() });
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
    Ok(Examples { train, test, corrupted })
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
