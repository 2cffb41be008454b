//! The ranges of single values, independent of model and data.

use minimascope_record::config::CONFIG_VERSION;
use minimascope_record::training::Schedule;

use crate::Error;
use crate::config::sources::Configured;

pub(crate) fn check(configured: &Configured) -> Result<(), Error> {
    let config = &configured.config;
    if config.schema_version != CONFIG_VERSION {
        return Err(Error::SchemaVersion {
            found: config.schema_version,
            expected: CONFIG_VERSION,
            origin: configured.origin("schema_version"),
        });
    }
    let range = Ranges { configured };
    range.positive("initialization.gain", config.initialization.gain)?;
    let train = &config.train;
    range.positive("train.learning_rate", train.learning_rate)?;
    range.not_negative("train.weight_decay", train.weight_decay)?;
    for setting in train.optimizer.settings() {
        let inside = setting.range.contains(setting.value);
        range.check(inside, setting.key, &setting.value, &setting.range.to_string())?;
    }
    match train.schedule {
        Schedule::Constant => {}
        Schedule::WarmUp { steps } => range.at_least_one("train.schedule.steps", steps)?,
        Schedule::Step { every, factor } => {
            range.at_least_one("train.schedule.every", every)?;
            let inside = factor > 0.0 && factor <= 1.0;
            range.check(inside, "train.schedule.factor", &factor, "over 0 and at most 1")?;
        }
        Schedule::Cosine { steps, floor } => {
            range.at_least_one("train.schedule.steps", steps)?;
            let inside = (0.0..=1.0).contains(&floor);
            range.check(inside, "train.schedule.floor", &floor, "from 0 to 1")?;
        }
    }
    let stop = &train.stop;
    range.at_least_one("train.stop.max_steps", stop.max_steps)?;
    for (key, value) in [
        ("train.stop.average_batch_loss_below", stop.average_batch_loss_below),
        ("train.stop.full_loss_below", stop.full_loss_below),
        ("train.stop.max_seconds", stop.max_seconds),
    ] {
        value.map_or(Ok(()), |value| range.positive(key, value))?;
    }
    range.not_negative("checkpoint.every_seconds", config.checkpoint.every_seconds)?;
    let tolerance = config.measure.tolerance;
    let inside = tolerance > 0.0 && tolerance < 1.0;
    range.check(inside, "measure.tolerance", &tolerance, "over 0 and below 1")?;
    let products = config.measure.max_products;
    range.check(products >= 2, "measure.max_products", &products, "at least 2")
}

struct Ranges<'a> {
    configured: &'a Configured,
}

impl Ranges<'_> {
    fn check(
        &self,
        inside: bool,
        key: &'static str,
        value: &dyn std::fmt::Display,
        range: &str,
    ) -> Result<(), Error> {
        if inside {
            return Ok(());
        }
        Err(Error::OutOfRange {
            key,
            value: value.to_string(),
            range: range.to_owned(),
            origin: self.configured.origin(key),
        })
    }

    fn positive(&self, key: &'static str, value: f64) -> Result<(), Error> {
        self.check(value > 0.0 && value.is_finite(), key, &value, "a finite number over 0")
    }

    fn not_negative(&self, key: &'static str, value: f64) -> Result<(), Error> {
        self.check(value >= 0.0 && value.is_finite(), key, &value, "a finite number from 0")
    }

    fn at_least_one(&self, key: &'static str, value: u64) -> Result<(), Error> {
        self.check(value >= 1, key, &value, "at least 1")
    }
}
