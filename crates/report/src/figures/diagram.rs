//! The sharpness–non-uniformity diagram: where minima lie, and where each batch size may stay.

use minimascope_plot::number::reading;
use minimascope_plot::{
    Axis, Chart, Dash, DataPoint, Figure, Ink, LegendPlace, Mark, Marker, Panel, Series, Text,
};

/// Keeps a name or an equation on one line.
const NO_BREAK: &str = "\u{a0}";

/// A measured minimum.
#[derive(Clone, Debug, PartialEq)]
pub struct DiagramMinimum {
    /// a = λ_max(H).
    pub sharpness: f64,
    /// s = √λ_max(Σ).
    pub non_uniformity: f64,
    /// Half lengths of the error bars of a and s.
    pub error: [Option<f64>; 2],
    /// For tool tips; (a, s) if absent.
    pub note: Option<String>,
}

impl DiagramMinimum {
    /// One run's.
    pub fn new(sharpness: f64, non_uniformity: f64) -> DiagramMinimum {
        DiagramMinimum { sharpness, non_uniformity, error: [None, None], note: None }
    }
}

impl DiagramMinimum {
    fn point(&self, label: &str) -> DataPoint {
        let [a, s] = [self.sharpness, self.non_uniformity].map(reading);
        let note = self.note.clone().unwrap_or_else(|| format!("{label}: a = {a}, s = {s}"));
        DataPoint {
            error: self.error,
            note: Some(note),
            ..DataPoint::new(self.sharpness, self.non_uniformity)
        }
    }
}

/// Minima found by one optimiser, and the part of the plane in which it is said to be stable.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Optimiser and batch size, as "SGD, B = 4". The same label has the same colour and marker in each panel.
    pub label: String,
    /// s_max = (1/η)/√p(B, n); `None` where s is not limited.
    pub non_uniformity_limit: Option<f64>,
    /// Theorem 1's boundary as (a, s), if it is to be drawn.
    pub boundary: Vec<[f64; 2]>,
    /// The minima; may be empty.
    pub minima: Vec<DiagramMinimum>,
    /// What others printed for the same optimiser, drawn as rings.
    pub published: Vec<DiagramMinimum>,
}

/// One data set and learning rate.
#[derive(Clone, Debug, PartialEq)]
pub struct DiagramPanel {
    /// Data set, network, η.
    pub title: String,
    /// 2/η.
    pub sharpness_limit: f64,
    /// One entry an optimiser.
    pub groups: Vec<Group>,
}

/// The diagram for each data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagram {
    /// Heading.
    pub title: String,
    /// Under the heading.
    pub subtitle: String,
    /// One panel a data set.
    pub panels: Vec<DiagramPanel>,
}

impl Diagram {
    /// The figure.
    pub fn figure(&self) -> Figure {
        let mut labels: Vec<&str> = Vec::new();
        for group in self.panels.iter().flat_map(|panel| &panel.groups) {
            if !labels.contains(&group.label.as_str()) {
                labels.push(&group.label);
            }
        }
        let mut figure = Figure::new("diagram", Text::plain(&self.title), self.description());
        figure.subtitle = Text::plain(&self.subtitle);
        figure.columns = 2;
        figure.legend = LegendPlace::Figure;
        figure.panels = self.panels.iter().map(|panel| panel.panel(&labels)).collect();
        figure.notes = vec![Text::markup(
            "Outlined: the rectangle 0 ≤ *a* ≤ 2/*η*, 0 ≤ *s* ≤ *s*_{max}(*B*) of each batch size. \
             *a* ≤ 2/*η* is necessary for stability; a minimum above *s*_{max} is not proved \
             unstable, nor one below it stable.",
        )];
        if self
            .panels
            .iter()
            .flat_map(|panel| &panel.groups)
            .any(|group| !group.boundary.is_empty())
        {
            figure.notes.push(Text::markup(
                "Dotted: Theorem 1's boundary for curvatures that commute, \
                 (1 − *ηa*)^{2} + *η*^{2}*ps*^{2} = 1.",
            ));
        }
        let mut groups = self.panels.iter().flat_map(|panel| &panel.groups);
        if groups.any(|group| !group.published.is_empty()) {
            figure.notes.push(Text::plain("Rings: published minima, with their scatter or range."));
        }
        figure
    }

    fn description(&self) -> String {
        let panels = self.panels.iter().map(|panel| {
            let groups = panel.groups.iter().map(|group| {
                let limit =
                    group.non_uniformity_limit.map_or("no limit on s".to_owned(), |limit| {
                        format!("s at most {}", reading(limit))
                    });
                format!("{}: {} minima, {limit}", group.label, group.minima.len())
            });
            format!(
                "{}: sharpness at most {}; {}.",
                panel.title,
                reading(panel.sharpness_limit),
                groups.collect::<Vec<_>>().join("; ")
            )
        });
        format!("Non-uniformity s against sharpness a. {}", panels.collect::<Vec<_>>().join(" "))
    }
}

impl DiagramPanel {
    fn panel(&self, labels: &[&str]) -> Panel {
        let x = Axis::linear(Text::markup("sharpness *a* = λ_{max}(*H*)")).including(&[0.0]);
        let y = Axis::linear(Text::markup("non-uniformity *s* = √λ_{max}(Σ)")).including(&[0.0]);
        let mut chart = Chart::new(x, y);
        chart.height = 300.0;
        let index =
            |group: &Group| labels.iter().position(|label| *label == group.label).unwrap_or(0);
        let limit = self.sharpness_limit;
        for group in &self.groups {
            let ink = Ink::Series(index(group));
            if let Some(top) = group.non_uniformity_limit {
                let (x, y) = ([Some(0.0), Some(limit)], [Some(0.0), Some(top)]);
                chart.series.push(Series::new(Mark::Region { x, y, dash: Dash::Solid }, ink));
            }
        }
        for group in self.groups.iter().filter(|group| !group.boundary.is_empty()) {
            let ink = Ink::Series(index(group));
            let boundary = Series::line(group.boundary.clone(), ink).dashed(Dash::Dotted).cut();
            chart.series.push(boundary);
        }
        let label = Text::markup(&format!("2/*η* = {}", reading(limit)));
        chart.series.push(Series::vertical(limit).named(label).inked(Ink::Strong));
        for group in &self.groups {
            if let Some(top) = group.non_uniformity_limit {
                let name = group.label.replace(' ', NO_BREAK);
                let symbol = format!(" *s*_{{max}}{NO_BREAK}={NO_BREAK}{}", reading(top));
                let label = Text::plain(name).then(Text::markup(&symbol));
                chart.series.push(Series::new(Mark::Beside { y: top }, Ink::Muted).named(label));
            }
        }
        for group in &self.groups {
            let index = index(group);
            let points = |minima: &[DiagramMinimum], marker| {
                let marks = minima.iter().map(|minimum| minimum.point(&group.label));
                Series::points(marks.collect(), marker, Ink::Series(index))
            };
            let own = points(&group.minima, Marker::of(index));
            chart.series.push(own.named(Text::plain(&group.label)));
            if !group.published.is_empty() {
                chart.series.push(points(&group.published, Marker::Ring));
            }
        }
        Panel::chart(Text::plain(&self.title), chart)
    }
}
