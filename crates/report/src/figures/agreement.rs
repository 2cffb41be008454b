//! Prediction and observation over the (η, B) plane, cell by cell.

use minimascope_plot::number::reading;
use minimascope_plot::{Chart, DataPoint, Figure, Ink, LegendPlace, Marker, Panel, Series, Text};

use super::boundary::{
    BoundaryBracket, CriterionCurve, batch_size_axis, bracket_series, criterion_series,
    learning_rate_axis,
};

/// What a launched run did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observed {
    /// It was still near the minimum at the end.
    Stays,
    /// It left.
    Leaves,
}

/// What the bracket of the exact threshold says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predicted {
    /// η is below the bracket.
    Stays,
    /// η is above the bracket.
    Leaves,
    /// η lies inside.
    NotDecided,
}

/// One launched (η, B).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AgreementCell {
    /// η.
    pub learning_rate: f64,
    /// B.
    pub batch_size: f64,
    /// Observation.
    pub observed: Observed,
    /// Prediction.
    pub predicted: Predicted,
}

/// A grid of launches from one minimum.
#[derive(Clone, Debug, PartialEq)]
pub struct AgreementPanel {
    /// Data set, network, how the minimum was reached.
    pub title: String,
    /// Bounds of the exact threshold, B rising.
    pub bracket: Vec<BoundaryBracket>,
    /// Other criteria to draw.
    pub curves: Vec<CriterionCurve>,
    /// The launches.
    pub cells: Vec<AgreementCell>,
}

/// One grid a minimum.
#[derive(Clone, Debug, PartialEq)]
pub struct AgreementFigure {
    /// Heading.
    pub title: String,
    /// Under the heading: seeds, steps, the criterion of leaving.
    pub subtitle: String,
    /// The grids.
    pub panels: Vec<AgreementPanel>,
}

/// Counts of one grid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    agree: usize,
    disagree: usize,
    not_decided: usize,
}

impl AgreementCell {
    fn disagrees(&self) -> bool {
        matches!(
            (self.predicted, self.observed),
            (Predicted::Stays, Observed::Leaves) | (Predicted::Leaves, Observed::Stays)
        )
    }
}

impl AgreementPanel {
    fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for cell in &self.cells {
            match cell.predicted {
                Predicted::NotDecided => counts.not_decided += 1,
                _ if cell.disagrees() => counts.disagree += 1,
                _ => counts.agree += 1,
            }
        }
        counts
    }

    fn count_sentence(&self) -> String {
        let Counts { agree, disagree, not_decided } = self.counts();
        format!(
            "{}: {agree} of {} decided cells as predicted, {disagree} not; {not_decided} inside \
             the bracket.",
            self.title,
            agree + disagree
        )
    }

    fn panel(&self) -> Panel {
        let mut chart = Chart::new(batch_size_axis(), learning_rate_axis("learning rate *η*"));
        chart.height = 320.0;
        chart.series.extend(bracket_series(&self.bracket));
        chart.series.extend(self.curves.iter().flat_map(criterion_series));
        let kinds = [
            (Observed::Stays, "stays", Marker::Circle, Ink::Series(2)),
            (Observed::Leaves, "leaves", Marker::Cross, Ink::Series(1)),
        ];
        for (observed, name, marker, ink) in kinds {
            let cells = self.cells.iter().filter(|cell| cell.observed == observed);
            let points: Vec<DataPoint> = cells.map(AgreementCell::point).collect();
            if !points.is_empty() {
                let drawn = Series::points(points, marker, ink);
                chart.series.push(drawn.named(Text::plain(name)));
            }
        }
        let wrong = self.cells.iter().filter(|cell| cell.disagrees());
        let points: Vec<DataPoint> = wrong.map(AgreementCell::point).collect();
        if !points.is_empty() {
            let rings = Series::points(points, Marker::Halo, Ink::Strong);
            chart.series.push(rings.named(Text::plain("not as predicted")));
        }
        Panel::chart(Text::plain(&self.title), chart)
    }
}

impl AgreementCell {
    fn point(&self) -> DataPoint {
        let observed = match self.observed {
            Observed::Stays => "stays",
            Observed::Leaves => "leaves",
        };
        let predicted = match self.predicted {
            Predicted::Stays => "predicted to stay",
            Predicted::Leaves => "predicted to leave",
            Predicted::NotDecided => "not decided",
        };
        DataPoint {
            note: Some(format!(
                "η = {}, B = {}: {observed}, {predicted}",
                reading(self.learning_rate),
                reading(self.batch_size)
            )),
            ..DataPoint::new(self.batch_size, self.learning_rate)
        }
    }
}

impl AgreementFigure {
    /// The figure.
    pub fn figure(&self) -> Figure {
        let counts: Vec<String> = self.panels.iter().map(AgreementPanel::count_sentence).collect();
        let description = format!(
            "Launches from a minimum over learning rate and batch size. {}",
            counts.join(" ")
        );
        let mut figure = Figure::new("agreement", Text::plain(&self.title), description);
        figure.subtitle = Text::plain(&self.subtitle);
        figure.columns = 2;
        figure.legend = LegendPlace::Figure;
        figure.panels = self.panels.iter().map(AgreementPanel::panel).collect();
        figure.notes = counts.into_iter().map(Text::plain).collect();
        figure
    }
}
