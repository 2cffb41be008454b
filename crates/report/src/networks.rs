//! Runs that reached a minimum, grouped by network and by settings.

use minimascope_plot::number::reading;
use minimascope_record::measured::Measured;
use minimascope_record::outcome::Outcome;
use minimascope_record::run::RunSummary;
use minimascope_record::stored_run::StoredRun;
use minimascope_record::threshold::sharpness_limit;
use minimascope_record::training::{Optimizer, Schedule};

use crate::statistics::Summary;

/// A run with its result, and a measured curvature at its last point.
#[derive(Clone, Copy, Debug)]
pub struct MeasuredRun<'a> {
    /// Its records.
    pub run: &'a StoredRun,
    /// Its result.
    pub result: &'a RunSummary,
}

fn value(measured: Option<Measured>) -> Option<f64> {
    measured.map(|measured| measured.value).filter(|value| *value > 0.0)
}

impl<'a> MeasuredRun<'a> {
    /// `None` unless the run ended at a minimum: its stop rule on the loss held, or it has no such rule and
    /// reached its step limit. Parameters from elsewhere have no outcome and count as a minimum.
    pub fn at_minimum(run: &'a StoredRun) -> Option<MeasuredRun<'a>> {
        let stop = &run.config.train.stop;
        let has_rule = stop.average_batch_loss_below.or(stop.full_loss_below).is_some();
        let arrived = |at: &MeasuredRun<'_>| match at.result.outcome {
            None | Some(Outcome::Converged) => true,
            Some(Outcome::StepLimit) => !has_rule,
            Some(_) => false,
        };
        MeasuredRun::at_last_point(run).filter(arrived)
    }

    /// `None` unless the run is finished and has a measured curvature, and neither died nor diverged.
    pub fn at_last_point(run: &'a StoredRun) -> Option<MeasuredRun<'a>> {
        let result = run.result.as_ref()?;
        let dead = matches!(result.outcome, Some(Outcome::Dead | Outcome::Diverged));
        let reached = MeasuredRun { run, result };
        (!dead && value(result.sharpness).is_some()).then_some(reached)
    }

    /// a.
    pub fn sharpness(&self) -> f64 {
        value(self.result.sharpness).unwrap_or_default()
    }

    /// s, where it was measured and is positive.
    pub fn non_uniformity(&self) -> Option<f64> {
        value(self.result.non_uniformity)
    }

    /// Whether every batch is the whole training set.
    pub fn is_gradient_descent(&self) -> bool {
        self.result.batch_size == self.result.train_examples
    }

    /// Whether it is plain SGD or gradient descent: constant η, no momentum, no weight decay.
    pub fn is_plain(&self) -> bool {
        let train = &self.run.config.train;
        train.optimizer == Optimizer::Sgd
            && train.schedule == Schedule::Constant
            && train.weight_decay == 0.0
    }

    /// Whether some labels of its training set are wrong.
    pub fn is_corrupted(&self) -> bool {
        !self.result.corrupted_examples.is_empty()
    }

    /// Gain of the initialisation.
    pub fn gain(&self) -> f64 {
        self.run.config.initialization.gain
    }

    /// η over the threshold of gradient descent, 2/a.
    pub fn over_sharpness_threshold(&self) -> f64 {
        self.sharpness() / sharpness_limit(self.result.learning_rate)
    }

    /// The optimiser in words.
    pub fn optimizer(&self) -> String {
        let result = self.result;
        let optimizer = self.run.config.train.optimizer;
        if optimizer == Optimizer::Sgd && self.is_gradient_descent() {
            return "GD".to_owned();
        }
        let name = optimizer.description();
        if self.is_gradient_descent() {
            format!("{name}, B = n")
        } else {
            format!("{name}, B = {}", result.batch_size)
        }
    }

    /// Its settings and curvatures, for a tool tip.
    pub fn note(&self) -> String {
        let result = self.result;
        format!(
            "{}: {}, η = {}, gain {}, seed {}: a = {}, s = {}",
            self.run.run,
            self.optimizer(),
            result.learning_rate,
            self.gain(),
            result.seed,
            reading(self.sharpness()),
            self.non_uniformity().map_or("–".to_owned(), reading)
        )
    }

    /// All settings that determine the numbers, without the seed.
    fn cell_key(&self) -> impl PartialEq + use<'a> {
        let config = &self.run.config;
        (
            (config.precision, &config.model, &self.result.loss, &self.result.corrupted_examples),
            (&config.train.optimizer, config.train.schedule, config.train.weight_decay),
            (self.result.learning_rate, self.result.batch_size, self.result.sampling),
            (self.gain(), config.train.stop.average_batch_loss_below, self.result.train_examples),
        )
    }
}

/// Runs that differ in their seed alone.
#[derive(Clone, Debug)]
pub struct SeedGroup<'a> {
    /// The runs; at least one.
    pub runs: Vec<MeasuredRun<'a>>,
}

impl<'a> SeedGroup<'a> {
    /// The first of the runs, for the settings that are the same in all.
    pub fn first(&self) -> &MeasuredRun<'a> {
        &self.runs[0]
    }

    /// Mean and deviation of a quantity over the runs that have it.
    pub fn summary(&self, quantity: impl Fn(&MeasuredRun<'_>) -> Option<f64>) -> Option<Summary> {
        Summary::of(&self.runs.iter().filter_map(quantity).collect::<Vec<_>>())
    }
}

/// Groups runs by their settings, in the order of their first run. A seed that was run twice counts once.
pub fn seed_groups<'a>(runs: impl IntoIterator<Item = MeasuredRun<'a>>) -> Vec<SeedGroup<'a>> {
    let mut groups: Vec<SeedGroup<'a>> = Vec::new();
    for run in runs {
        match groups.iter_mut().find(|group| group.first().cell_key() == run.cell_key()) {
            None => groups.push(SeedGroup { runs: vec![run] }),
            Some(group) => {
                if group.runs.iter().all(|other| other.result.seed != run.result.seed) {
                    group.runs.push(run);
                }
            }
        }
    }
    groups
}

/// The minima of one network on one training set.
#[derive(Clone, Debug)]
pub struct NetworkRuns<'a> {
    /// The name of the network, with its data and loss where another network has the same name.
    pub label: String,
    /// All its minima.
    pub runs: Vec<MeasuredRun<'a>>,
}

impl<'a> NetworkRuns<'a> {
    /// Networks with clean labels, or with some wrong ones. The network with the most runs is first.
    fn sorted(stored: &'a [StoredRun], corrupted: bool) -> Vec<NetworkRuns<'a>> {
        let mut networks: Vec<NetworkRuns<'a>> = Vec::new();
        let reached = stored.iter().filter_map(MeasuredRun::at_minimum);
        for run in reached.filter(|run| run.is_corrupted() == corrupted) {
            let key = |run: &MeasuredRun<'_>| {
                let result = run.result;
                // The number of wrong labels is varied, and n with it.
                let examples = if corrupted { 0 } else { result.train_examples };
                (result.model.clone(), result.data.clone(), result.loss, examples)
            };
            match networks.iter_mut().find(|network| key(&network.runs[0]) == key(&run)) {
                None => networks.push(NetworkRuns { label: String::new(), runs: vec![run] }),
                Some(network) => network.runs.push(run),
            }
        }
        networks.sort_by_key(|network| std::cmp::Reverse(network.runs.len()));
        let names: Vec<String> =
            networks.iter().map(|network| network.runs[0].result.model.clone()).collect();
        for network in &mut networks {
            let result = network.runs[0].result;
            let alone = names.iter().filter(|name| **name == result.model).count() == 1;
            network.label = if alone {
                result.model.clone()
            } else {
                let loss = result.loss.description();
                format!("{} on {} ({}, {loss})", result.model, result.data, result.train_examples)
            };
        }
        networks
    }

    /// Networks trained on clean labels.
    pub fn clean(stored: &'a [StoredRun]) -> Vec<NetworkRuns<'a>> {
        NetworkRuns::sorted(stored, false)
    }

    /// Networks trained on some wrong labels.
    pub fn corrupted(stored: &'a [StoredRun]) -> Vec<NetworkRuns<'a>> {
        NetworkRuns::sorted(stored, true)
    }

    /// n.
    pub fn train_examples(&self) -> usize {
        self.runs[0].result.train_examples
    }

    /// Runs of plain SGD and gradient descent at gain 1, grouped by settings, in the order of η and B.
    pub fn plain_groups(&self) -> Vec<SeedGroup<'a>> {
        let runs = self.runs.iter().filter(|run| run.is_plain() && run.gain() == 1.0).copied();
        let mut groups = seed_groups(runs);
        groups.sort_by(|left, right| {
            let [left, right] = [left, right].map(|group| group.first().result);
            let rates = left.learning_rate.total_cmp(&right.learning_rate);
            rates.then(left.batch_size.cmp(&right.batch_size))
        });
        groups
    }

    /// The learning rates of its plain runs, in rising order.
    pub fn learning_rates(&self) -> Vec<f64> {
        let plain = self.runs.iter().filter(|run| run.is_plain());
        let mut rates: Vec<f64> = plain.map(|run| run.result.learning_rate).collect();
        rates.sort_by(f64::total_cmp);
        rates.dedup();
        rates
    }

    /// The learning rate with the most different batch sizes and gains: that of the diagram. The largest of
    /// equals, where SGD differs most from gradient descent.
    pub fn best_covered_learning_rate(&self) -> Option<f64> {
        let covered = |rate: f64| {
            let at = self.runs.iter().filter(|run| run.result.learning_rate == rate);
            let mut settings: Vec<(usize, u64)> = at
                .filter(|run| run.is_plain())
                .map(|run| (run.result.batch_size, run.gain().to_bits()))
                .collect();
            settings.sort_unstable();
            settings.dedup();
            settings.len()
        };
        self.learning_rates().into_iter().max_by_key(|rate| covered(*rate))
    }
}
