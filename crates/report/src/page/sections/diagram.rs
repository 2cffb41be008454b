//! The sharpness–non-uniformity diagram of each network.

use minimascope_plot::number::reading;
use minimascope_record::stored_run::StoredRun;
use minimascope_record::threshold::sharpness_limit;

use super::SWEEP;
use crate::figures::diagram::{Diagram, DiagramMinimum, DiagramPanel, Group};
use crate::networks::{MeasuredRun, NetworkRuns};
use crate::page::wording::{listed, plural};
use crate::page::{Caption, Content, Exhibit, References, Section};

/// One panel for each network, at its best covered learning rate.
pub(super) fn section(stored: &[StoredRun], references: &References) -> Section {
    let panels: Vec<PanelRuns<'_>> = NetworkRuns::clean(stored)
        .into_iter()
        .filter_map(|network| PanelRuns::of(references, network))
        .collect();
    if panels.is_empty() {
        let what = "The sharpness–non-uniformity diagram is not drawn: no run reached a minimum \
                    whose non-uniformity is known";
        return Section::new(TITLE, vec![Content::missing(what, SWEEP)]);
    }
    let measured: Vec<String> = panels.iter().map(PanelRuns::sentence).collect();
    let runs: usize = panels.iter().map(|found| found.runs.len()).sum();
    let mut seeds: Vec<u64> =
        panels.iter().flat_map(|at| &at.runs).map(|run| run.result.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let mut panels_drawn: Vec<DiagramPanel> =
        panels.iter().map(|found| found.panel(references)).collect();
    in_one_order(&mut panels_drawn);
    let diagram = Diagram {
        title: "Where the minima lie".into(),
        subtitle: format!(
            "{}, at the gains of the initialisation that each panel names; n = {}",
            plural(runs, "run"),
            panels[0].runs[0].result.train_examples
        ),
        panels: panels_drawn,
    };
    let caption = Caption::new(
        "A minimum where GD stays has *a* ≤ 2/*η* (necessary, at every *B*). Theorem 1 of Wu, Ma and \
         E (2018) is sufficient, and asks for (*a*, *s*) below the dotted curve of *B*; it implies \
         the rectangle *s* ≤ *s*_{max}(*B*) = (1/*η*)√(*B*(*n* − 1)/(*n* − *B*)). Being above \
         *s*_{max} proves nothing by itself.",
        &measured.join(" "),
        &format!(
            "One mark a run: {}, {}. A mark is one run and has no error bar; the published \
             values carry the standard deviation or the range over theirs.",
            plural(runs, "run"),
            plural(seeds.len(), "seed")
        ),
    );
    let exhibit = Exhibit { figure: diagram.figure(), caption };
    Section::new(TITLE, vec![Content::Exhibit(Box::new(exhibit))])
}

/// Sorts the groups of every panel in one order, which is also that of the legend: gradient descent, then
/// from large to small batches.
fn in_one_order(panels: &mut [DiagramPanel]) {
    let mut groups: Vec<Group> = Vec::new();
    for group in panels.iter().flat_map(|panel| &panel.groups) {
        if !groups.iter().any(|other| other.label == group.label) {
            groups.push(Group {
                label: group.label.clone(),
                non_uniformity_limit: None,
                boundary: Vec::new(),
                minima: Vec::new(),
                published: Vec::new(),
            });
        }
    }
    let rank = |label: &str| match label.strip_prefix("B = ").and_then(|size| size.parse().ok()) {
        Some(size) => (1, std::cmp::Reverse(size)),
        None => (0, std::cmp::Reverse(0_usize)),
    };
    groups.sort_by_key(|group| rank(&group.label));
    for panel in panels {
        let own = std::mem::take(&mut panel.groups);
        let in_place = |group: &Group| {
            own.iter().find(|other| other.label == group.label).unwrap_or(group).clone()
        };
        panel.groups = groups.iter().map(in_place).collect();
    }
}

const TITLE: &str = "Sharpness and non-uniformity";

/// The runs of one panel.
struct PanelRuns<'a> {
    label: String,
    learning_rate: f64,
    runs: Vec<MeasuredRun<'a>>,
}

impl<'a> PanelRuns<'a> {
    fn of(references: &References, network: NetworkRuns<'a>) -> Option<PanelRuns<'a>> {
        let learning_rate = network.best_covered_learning_rate()?;
        let mut runs = network.runs;
        runs.retain(|run| {
            run.is_plain()
                && run.result.learning_rate == learning_rate
                && run.non_uniformity().is_some()
        });
        // If minima are published, show their batch sizes alone: the rectangles of others would hide them.
        let published = |run: &MeasuredRun<'_>| references.diagram.contains_key(&run.run.run);
        if runs.iter().any(|run| published(run) && !run.is_gradient_descent()) {
            runs.retain(|run| published(run) || run.is_gradient_descent());
        }
        // Gradient descent first, then from large to small batches.
        runs.sort_by_key(|run| std::cmp::Reverse(run.result.batch_size));
        (!runs.is_empty()).then_some(PanelRuns { label: network.label, learning_rate, runs })
    }

    fn groups(&self) -> impl Iterator<Item = &[MeasuredRun<'a>]> {
        self.runs.chunk_by(|left, right| left.result.batch_size == right.result.batch_size)
    }

    fn panel(&self, references: &References) -> DiagramPanel {
        let mut gains: Vec<f64> = self.runs.iter().map(MeasuredRun::gain).collect();
        gains.sort_by(f64::total_cmp);
        gains.dedup();
        let gains: Vec<String> = gains.iter().map(f64::to_string).collect();
        DiagramPanel {
            title: format!("{}, η = {}, gain {}", self.label, self.learning_rate, listed(&gains)),
            sharpness_limit: sharpness_limit(self.learning_rate),
            groups: self.groups().map(|runs| self.group(references, runs)).collect(),
        }
    }

    fn group(&self, references: &References, runs: &[MeasuredRun<'_>]) -> Group {
        let first = &runs[0];
        let limit = first.result.non_uniformity_limit;
        let minima = runs.iter().filter_map(|run| {
            let note = Some(run.note());
            Some(DiagramMinimum {
                note,
                ..DiagramMinimum::new(run.sharpness(), run.non_uniformity()?)
            })
        });
        Group {
            label: if first.is_gradient_descent() {
                "GD".to_owned()
            } else {
                format!("B = {}", first.result.batch_size)
            },
            non_uniformity_limit: limit,
            boundary: limit
                .map_or(Vec::new(), |limit| ellipse(sharpness_limit(self.learning_rate), limit)),
            minima: minima.collect(),
            published: references.diagram.get(&first.run.run).cloned().into_iter().collect(),
        }
    }

    fn sentence(&self) -> String {
        let above = self.runs.iter().filter(|run| {
            let limit = run.result.non_uniformity_limit;
            limit.is_some_and(|limit| run.non_uniformity().is_some_and(|s| s > limit))
        });
        let groups = self.groups().map(|runs| {
            let ends = |quantity: &dyn Fn(&MeasuredRun<'_>) -> Option<f64>| {
                let values: Vec<f64> = runs.iter().filter_map(quantity).collect();
                let low = values.iter().copied().fold(f64::INFINITY, f64::min);
                let high = values.iter().copied().fold(0.0, f64::max);
                if low == high {
                    reading(low)
                } else {
                    format!("{}–{}", reading(low), reading(high))
                }
            };
            format!(
                "*B* = {}: *a* {}, *s* {}",
                runs[0].result.batch_size,
                ends(&|run| Some(run.sharpness())),
                ends(&|run| run.non_uniformity())
            )
        });
        let runs = plural(self.runs.len(), "run");
        let limits = format!("{} of {runs} above *s*_{{max}}", above.count());
        let groups: Vec<String> = groups.collect();
        format!("{} (*η* = {}): {}; {limits}.", self.label, self.learning_rate, groups.join("; "))
    }
}

/// The boundary of Theorem 1 for curvatures that commute, (1 − ηa)² + η²ps² = 1: with
/// s_max = 1/(η√p) an ellipse through (0, 0), (1/η, s_max) and (2/η, 0).
fn ellipse(sharpness_limit: f64, non_uniformity_limit: f64) -> Vec<[f64; 2]> {
    const POINTS: u32 = 120;
    let point = |index: u32| {
        // Even steps of the angle, so that the steep ends have enough points.
        let angle = std::f64::consts::PI * f64::from(index) / f64::from(POINTS);
        [0.5 * sharpness_limit * (1.0 - libm::cos(angle)), non_uniformity_limit * libm::sin(angle)]
    };
    (0..=POINTS).map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boundary_of_theorem_1_is_its_equation() {
        let (eta, limit) = (0.5, 6.353);
        let p = 1.0 / (eta * limit * eta * limit);
        for [a, s] in ellipse(sharpness_limit(eta), limit) {
            let left = (1.0 - eta * a).powi(2) + eta * eta * p * s * s;
            // Both sides are sums of a few numbers of size 1, each rounded once.
            assert!((left - 1.0).abs() < 1e-14, "{a} {s}: {left}");
        }
    }
}
