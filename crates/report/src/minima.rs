//! The runs of a study that reached a minimum, sorted into networks and cells.

use minimascope_plot::number::reading;
use minimascope_record::measured::Measured;
use minimascope_record::outcome::Outcome;
use minimascope_record::run::RunSummary;
use minimascope_record::study::{StoredRun, Study};
use minimascope_record::training::{Optimizer, Schedule};

use crate::statistics::Summary;

/// A run with its result, at a point whose curvature was measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reached<'a> {
    pub(crate) run: &'a StoredRun,
    pub(crate) result: &'a RunSummary,
}

fn value(measured: Option<Measured>) -> Option<f64> {
    measured.map(|measured| measured.value).filter(|value| *value > 0.0)
}

impl<'a> Reached<'a> {
    /// A minimum: where the stop rule held, or the steps of a run that has no other rule were over.
    /// Parameters from elsewhere have no outcome and are taken for one.
    pub(crate) fn of(run: &'a StoredRun) -> Option<Reached<'a>> {
        let stop = &run.config.train.stop;
        let has_rule = stop.average_batch_loss_below.or(stop.full_loss_below).is_some();
        let arrived = |at: &Reached<'_>| match at.result.outcome {
            None | Some(Outcome::Converged) => true,
            Some(Outcome::StepLimit) => !has_rule,
            Some(_) => false,
        };
        Reached::measured(run).filter(arrived)
    }

    /// The last point of a run. `None` where it is not finished, died, or has no measured curvature.
    pub(crate) fn measured(run: &'a StoredRun) -> Option<Reached<'a>> {
        let result = run.result.as_ref()?;
        let dead = matches!(result.outcome, Some(Outcome::Dead | Outcome::Diverged));
        let reached = Reached { run, result };
        (!dead && value(result.sharpness).is_some()).then_some(reached)
    }

    pub(crate) fn sharpness(&self) -> f64 {
        value(self.result.sharpness).unwrap_or_default()
    }

    pub(crate) fn non_uniformity(&self) -> Option<f64> {
        value(self.result.non_uniformity)
    }

    pub(crate) fn is_gradient_descent(&self) -> bool {
        self.result.batch_size == self.result.train_examples
    }

    /// SGD or gradient descent as the study's: constant η, no momentum, no weight decay.
    pub(crate) fn is_plain(&self) -> bool {
        let train = &self.run.config.train;
        train.optimizer == Optimizer::Sgd
            && train.schedule == Schedule::Constant
            && train.weight_decay == 0.0
    }

    pub(crate) fn is_corrupted(&self) -> bool {
        !self.result.corrupted_examples.is_empty()
    }

    pub(crate) fn gain(&self) -> f64 {
        self.run.config.initialization.gain
    }

    /// η over the largest at which gradient descent stays, 2/a.
    pub(crate) fn over_sharpness_edge(&self) -> f64 {
        0.5 * self.result.learning_rate * self.sharpness()
    }

    /// The optimiser in words.
    pub(crate) fn optimizer(&self) -> String {
        let result = self.result;
        let name = match self.run.config.train.optimizer {
            Optimizer::Sgd if self.is_gradient_descent() => return "GD".to_owned(),
            Optimizer::Sgd => "SGD".to_owned(),
            Optimizer::HeavyBall { momentum } => format!("momentum {momentum}"),
            Optimizer::Nesterov { momentum } => format!("Nesterov {momentum}"),
            Optimizer::Adam { .. } => "Adam".to_owned(),
        };
        if self.is_gradient_descent() {
            format!("{name}, B = n")
        } else {
            format!("{name}, B = {}", result.batch_size)
        }
    }

    /// What tells it from the other runs of its figure, for tool tips.
    pub(crate) fn note(&self) -> String {
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

    /// Everything but the seed that determines the numbers.
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
pub(crate) struct Cell<'a> {
    pub(crate) runs: Vec<Reached<'a>>,
}

impl<'a> Cell<'a> {
    /// Any of the runs: what is the same for all is read from it.
    pub(crate) fn first(&self) -> &Reached<'a> {
        &self.runs[0]
    }

    pub(crate) fn summary(
        &self,
        quantity: impl Fn(&Reached<'_>) -> Option<f64>,
    ) -> Option<Summary> {
        Summary::of(&self.runs.iter().filter_map(quantity).collect::<Vec<_>>())
    }
}

/// Sorts runs into cells, in the order of their first run; a seed that was run twice counts once.
pub(crate) fn cells<'a>(runs: impl IntoIterator<Item = Reached<'a>>) -> Vec<Cell<'a>> {
    let mut cells: Vec<Cell<'a>> = Vec::new();
    for run in runs {
        match cells.iter_mut().find(|cell| cell.first().cell_key() == run.cell_key()) {
            None => cells.push(Cell { runs: vec![run] }),
            Some(cell) => {
                if cell.runs.iter().all(|other| other.result.seed != run.result.seed) {
                    cell.runs.push(run);
                }
            }
        }
    }
    cells
}

/// A network on its training set.
#[derive(Clone, Debug)]
pub(crate) struct Network<'a> {
    /// Its name, with what tells it from others of that name.
    pub(crate) label: String,
    /// All its minima.
    pub(crate) runs: Vec<Reached<'a>>,
}

impl<'a> Network<'a> {
    /// Of one loss, and of clean labels or of wrong ones. The network with the most runs first.
    fn sorted(study: &'a Study, corrupted: bool) -> Vec<Network<'a>> {
        let mut networks: Vec<Network<'a>> = Vec::new();
        let reached = study.runs.iter().filter_map(Reached::of);
        for run in reached.filter(|run| run.is_corrupted() == corrupted) {
            let key = |run: &Reached<'_>| {
                let result = run.result;
                // Wrong labels come in numbers: n is then what is varied.
                let examples = if corrupted { 0 } else { result.train_examples };
                (result.model.clone(), result.data.clone(), result.loss, examples)
            };
            match networks.iter_mut().find(|network| key(&network.runs[0]) == key(&run)) {
                None => networks.push(Network { label: String::new(), runs: vec![run] }),
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
                let loss = super::views::loss_name(result.loss);
                format!("{} on {} ({}, {loss})", result.model, result.data, result.train_examples)
            };
        }
        networks
    }

    /// Networks on clean labels.
    pub(crate) fn clean(study: &'a Study) -> Vec<Network<'a>> {
        Network::sorted(study, false)
    }

    /// Networks on labels of which some are wrong.
    pub(crate) fn corrupted(study: &'a Study) -> Vec<Network<'a>> {
        Network::sorted(study, true)
    }

    pub(crate) fn train_examples(&self) -> usize {
        self.runs[0].result.train_examples
    }

    /// Plain SGD and gradient descent, initialised as usual, in cells of rising η and B.
    pub(crate) fn plain_cells(&self) -> Vec<Cell<'a>> {
        let runs = self.runs.iter().filter(|run| run.is_plain() && run.gain() == 1.0).copied();
        let mut cells = cells(runs);
        cells.sort_by(|left, right| {
            let [left, right] = [left, right].map(|cell| cell.first().result);
            let rates = left.learning_rate.total_cmp(&right.learning_rate);
            rates.then(left.batch_size.cmp(&right.batch_size))
        });
        cells
    }

    /// Its learning rates of plain runs, rising.
    pub(crate) fn learning_rates(&self) -> Vec<f64> {
        let plain = self.runs.iter().filter(|run| run.is_plain());
        let mut rates: Vec<f64> = plain.map(|run| run.result.learning_rate).collect();
        rates.sort_by(f64::total_cmp);
        rates.dedup();
        rates
    }

    /// The η at which the most different batch sizes and initialisations were run: the diagram's.
    pub(crate) fn best_covered_learning_rate(&self) -> Option<f64> {
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
        // The largest of equals, where SGD's choice is most visible.
        self.learning_rates().into_iter().max_by_key(|rate| covered(*rate))
    }
}
