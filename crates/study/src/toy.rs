//! The figure of the one-dimensional example: two minima with the same sharpness, of which SGD stays at
//! one.

use minimascope_experiment::escape::toy::ToyPaths;
use minimascope_plot::number::reading;
use minimascope_plot::{
    Axis, Chart, Dash, DataPoint, Figure, Ink, LegendPlace, Marker, Panel, Series, Text,
};
use minimascope_record::escape::ToyEscape;
use minimascope_report::figures::training_curves::iterations;
use minimascope_stability::toy::ToyPath;

/// A function of x.
#[derive(Clone, Debug, PartialEq)]
pub struct ToyFunction {
    /// Symbol in the notation of labels, as "f_{1}".
    pub symbol: String,
    /// `[x, value]`, x rising.
    pub points: Vec<[f64; 2]>,
}

/// The path of one optimiser.
#[derive(Clone, Debug, PartialEq)]
pub struct DrawnPath {
    /// Optimiser, as "SGD, B = 1".
    pub label: String,
    /// `[x_t, f(x_t)]` from t = 0.
    pub iterates: Vec<[f64; 2]>,
}

/// The functions and the paths of the optimisers.
#[derive(Clone, Debug, PartialEq)]
pub struct ToyFigure {
    /// Heading.
    pub title: String,
    /// Learning rate, start and sampling scheme, under the heading.
    pub subtitle: String,
    /// The functions; the last one is the objective.
    pub functions: Vec<ToyFunction>,
    /// The paths.
    pub paths: Vec<DrawnPath>,
}

/// The floor of the objective's axis, ten decades below its start: a path below it is at a minimum.
const FLOOR: f64 = 1e-20;

impl ToyFigure {
    /// Of a launch and its paths.
    pub fn new(record: &ToyEscape, paths: &ToyPaths) -> ToyFigure {
        let toy = paths.toy;
        // Both minima, x = 0 and 1, with a margin of half their distance.
        let xs = (-100..=300).map(|index| f64::from(index) / 200.0);
        let points = |f: &dyn Fn(f64) -> f64| xs.clone().map(|x| [x, f(x)]).collect();
        let function = |symbol: &str, f: &dyn Fn(f64) -> f64| ToyFunction {
            symbol: symbol.to_owned(),
            points: points(f),
        };
        let path = |label: &str, path: &ToyPath| {
            let finite = path.positions.iter().take_while(|x| toy.objective(**x).is_finite());
            let iterates = finite.map(|x| [*x, toy.objective(*x)]).collect();
            DrawnPath { label: label.to_owned(), iterates }
        };
        let [first, second] = record.curvatures;
        ToyFigure {
            title: "Two minima of a function, of which SGD keeps one".into(),
            subtitle: format!(
                "curvatures {first} and {second} at x = 1, 2 and 2 at x = 0; η = {}, start {}, {}",
                record.learning_rate,
                record.start,
                record.sampling.description()
            ),
            functions: vec![
                function("*f*_{1}(*x*)", &|x| toy.values(x)[0]),
                function("*f*_{2}(*x*)", &|x| toy.values(x)[1]),
                function("*f*(*x*)", &|x| toy.objective(x)),
            ],
            paths: vec![path("GD", &paths.gradient_descent), path("SGD, B = 1", &paths.sgd)],
        }
    }

    /// The figure.
    pub fn figure(&self) -> Figure {
        let mut figure = Figure::new("toy", Text::plain(&self.title), self.description());
        figure.subtitle = Text::plain(&self.subtitle);
        figure.panels = vec![self.functions_panel(), self.iterates_panel(), self.objective_panel()];
        figure.columns = 3;
        figure.legend = LegendPlace::Figure;
        figure.width = 1000.0;
        figure
    }

    fn style(index: usize) -> (Marker, Ink, Dash) {
        let dash = if index == 0 { Dash::Dashed } else { Dash::Solid };
        (Marker::of(index), Ink::Series(index), dash)
    }

    fn functions_panel(&self) -> Panel {
        let mut chart = Chart::new(
            Axis::linear(Text::markup("*x*")),
            Axis::linear(Text::plain("value")).including(&[0.0]),
        );
        chart.height = 260.0;
        let thin = [(Ink::Series(2), Dash::Dotted), (Ink::Series(3), Dash::Dashed)];
        for (index, function) in self.functions.iter().enumerate() {
            let last = index + 1 == self.functions.len();
            let (ink, dash) =
                if last { (Ink::Strong, Dash::Solid) } else { thin[index % thin.len()] };
            let line = Series::line(function.points.clone(), ink).dashed(dash);
            chart.series.push(line.named(Text::markup(&function.symbol)));
        }
        // The path of gradient descent is drawn last: it is short, and SGD's would hide it.
        for (index, path) in self.paths.iter().enumerate().rev() {
            let (marker, ink, _) = ToyFigure::style(index);
            let marks = path.iterates.iter().enumerate().map(|(step, at)| DataPoint {
                note: Some(format!("{}, iteration {step}: x = {}", path.label, reading(at[0]))),
                ..DataPoint::new(at[0], at[1])
            });
            // Most iterates coincide: one mark for each position is enough.
            let mut marks: Vec<DataPoint> = marks.collect();
            let mut seen: Vec<[f64; 2]> = Vec::new();
            marks.retain(|mark| {
                let near = |other: &[f64; 2]| {
                    (0..2).all(|axis| (mark.at[axis] - other[axis]).abs() < 5e-3)
                };
                let new = !seen.iter().any(near);
                if new {
                    seen.push(mark.at);
                }
                new
            });
            let points = Series::points(marks, marker, ink);
            chart.series.push(points.named(Text::plain(&path.label)));
        }
        Panel::chart(Text::plain("Functions and paths"), chart)
    }

    fn trace(&self, path: &DrawnPath, axis: usize, index: usize) -> Series {
        let (_, ink, dash) = ToyFigure::style(index);
        let points = path.iterates.iter().enumerate();
        let trace = points.map(|(step, at)| [step as f64, at[axis]]).collect();
        Series::line(trace, ink).dashed(dash).named(Text::plain(&path.label))
    }

    fn iterates_panel(&self) -> Panel {
        let mut chart = Chart::new(iterations(), Axis::linear(Text::markup("iterate *x*_{t}")));
        chart.height = 260.0;
        for (index, path) in self.paths.iter().enumerate() {
            chart.series.push(self.trace(path, 0, index));
        }
        Panel::chart(Text::plain("Iterates"), chart)
    }

    fn objective_panel(&self) -> Panel {
        let axis = Axis::log10_above(FLOOR, Text::markup("objective *f*(*x*_{t})"));
        let mut chart = Chart::new(iterations(), axis);
        chart.height = 260.0;
        for (index, path) in self.paths.iter().enumerate() {
            chart.series.push(self.trace(path, 1, index));
        }
        Panel::chart(Text::plain("Objective"), chart)
    }

    fn description(&self) -> String {
        let paths = self.paths.iter().filter_map(|path| {
            let (first, last) = (path.iterates.first()?, path.iterates.last()?);
            Some(format!(
                "{} goes from x = {} to x = {} in {} iterations.",
                path.label,
                reading(first[0]),
                reading(last[0]),
                path.iterates.len() - 1
            ))
        });
        format!(
            "Two functions and their mean, the objective, with the paths of the optimisers. {}",
            paths.collect::<Vec<_>>().join(" ")
        )
    }
}
