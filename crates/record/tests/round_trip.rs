//! What is written is read back, and what is not in the schema is refused.

use minimascope_record::batch_size::BatchSize;
use minimascope_record::config::{ModelConfig, RunConfig};
use minimascope_record::dataset::Subset;
use minimascope_record::measured::{Measured, finite};
use minimascope_record::outcome::Outcome;
use minimascope_record::training::{Loss, Sampling};

const SHORTEST: &str = r#"
[model]
preset = "linear"
[data]
source = "fashion-mnist"
train = { first = 100 }
[train]
learning_rate = 0.1
stop = { max_steps = 10 }
"#;

#[test]
fn the_shortest_configuration_takes_documented_defaults() {
    let config: RunConfig = toml::from_str(SHORTEST).unwrap();
    assert_eq!(config.model, ModelConfig::Preset("linear".into()));
    assert_eq!(config.data.train, Subset::First(100));
    assert_eq!(config.data.test, Subset::All);
    assert_eq!(config.loss, Loss::MeanSquaredError);
    assert_eq!(config.train.batch_size, BatchSize::All);
    assert_eq!(config.train.sampling, Sampling::ReshuffledEpochs);
    assert_eq!(config.initialization.gain, 1.0);
}

#[test]
fn a_complete_configuration_survives_toml_and_json() {
    let mut config: RunConfig = toml::from_str(SHORTEST).unwrap();
    config.train.batch_size = BatchSize::Examples(10);
    config.train.learning_rate = 0.1 + 0.2;
    let written = toml::to_string(&config).unwrap();
    assert_eq!(toml::from_str::<RunConfig>(&written).unwrap(), config, "{written}");
    let written = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<RunConfig>(&written).unwrap(), config, "{written}");
}

#[test]
fn unknown_keys_and_impossible_batches_are_refused() {
    for (from, to, named) in [
        ("learning_rate", "learning_rat", "learning_rat"),
        ("preset", "presett", "presett"),
        ("stop = {", "batch_size = 0\nstop = {", "a number of examples from 1 or \"all\""),
        ("stop = {", "batch_size = -3\nstop = {", "a number of examples from 1 or \"all\""),
        ("stop = {", "batch_size = \"most\"\nstop = {", "a number of examples from 1 or \"all\""),
        ("first", "frist", "frist"),
    ] {
        let error = toml::from_str::<RunConfig>(&SHORTEST.replace(from, to)).unwrap_err();
        assert!(error.to_string().contains(named), "{error}");
    }
}

#[test]
fn every_schema_is_generated() {
    let schema = serde_json::to_string(&schemars::schema_for!(RunConfig)).unwrap();
    for key in ["learning_rate", "batch_size", "max_steps", "non_uniformity_every"] {
        assert!(schema.contains(key), "{key}");
    }
}

#[test]
fn outcomes_are_written_by_name() {
    assert_eq!(serde_json::to_string(&Outcome::StepLimit).unwrap(), "\"step-limit\"");
    assert_eq!(Outcome::StepLimit.to_string(), "step limit");
}

#[test]
fn no_infinity_and_no_root_of_a_negative_number_reaches_a_record() {
    assert_eq!(finite(f64::NAN), None);
    assert_eq!(finite(f64::NEG_INFINITY), None);
    assert_eq!(finite(0.5), Some(0.5));
    let rounding = Measured {
        value: -1e-18,
        residual: 1e-18,
        relative_residual: 1.0,
        converged: false,
        products: 3,
    };
    assert_eq!(rounding.square_root().value, 0.0);
}
