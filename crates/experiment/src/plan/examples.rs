//! From a data configuration to training and test examples.

use std::path::Path;
use std::sync::Arc;

use minimascope_data::catalogue::KnownDataset;
use minimascope_data::{Dataset, Request};
use minimascope_record::dataset::DataConfig;

use crate::Error;

#[derive(Clone, Debug)]
pub(super) struct TrainAndTest {
    pub(super) train: Arc<Dataset>,
    pub(super) test: Option<Arc<Dataset>>,
    pub(super) corrupted: Vec<usize>,
    pub(super) notes: Vec<String>,
}

/// Training and test sets that were read before, by their configuration: the hundreds of runs of a
/// sweep read and hold each set once.
#[derive(Debug, Default)]
pub struct SharedExamples {
    read: Vec<(DataConfig, TrainAndTest)>,
}

impl SharedExamples {
    pub(super) fn load(&mut self, config: &DataConfig) -> Result<TrainAndTest, Error> {
        if let Some((_, examples)) = self.read.iter().find(|(read, _)| read == config) {
            return Ok(examples.clone());
        }
        let examples = load(config)?;
        self.read.push((config.clone(), examples.clone()));
        Ok(examples)
    }
}

fn load(config: &DataConfig) -> Result<TrainAndTest, Error> {
    let request = Request {
        dataset: config.source.clone(),
        data_dir: config.folder.clone(),
        classes: config.classes.clone(),
        train: config.train,
        test: config.test,
    };
    let split = minimascope_data::load(&request)?;
    let notes = split.notes().to_vec();
    let (train, test) = split.into_parts();
    let test = test.map(Arc::new);
    let Some(corruption) = config.corruption else {
        return Ok(TrainAndTest { train: Arc::new(train), test, corrupted: Vec::new(), notes });
    };
    let (train, changed) = train.corrupted(corruption)?;
    let corrupted = changed.iter().map(|changed| changed.example).collect();
    Ok(TrainAndTest { train: Arc::new(train), test, corrupted, notes })
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
