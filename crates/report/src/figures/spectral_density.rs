//! The spectral density of the Hessian, with the eigenvalues that were resolved one by one.

use minimascope_plot::number::reading;
use minimascope_plot::{Axis, Chart, Dash, Figure, Ink, LegendPlace, Mark, Panel, Series, Text};

/// The density of one operator.
#[derive(Clone, Debug, PartialEq)]
pub struct DensityCurve {
    /// Minimum or operator.
    pub label: String,
    /// `[λ, density]`, λ rising.
    pub points: Vec<[f64; 2]>,
    /// Standard error of the density at each point; empty where it was not estimated.
    pub standard_error: Vec<f64>,
    /// Eigenvalues that converged.
    pub eigenvalues: Vec<f64>,
}

/// Densities on one pair of axes.
#[derive(Clone, Debug, PartialEq)]
pub struct SpectralDensityFigure {
    /// Heading.
    pub title: String,
    /// Under the heading: probes, Lanczos steps, width of the kernel.
    pub subtitle: String,
    /// Smallest density shown.
    pub floor: f64,
    /// 2/η, if it is to be marked.
    pub sharpness_limit: Option<f64>,
    /// The densities.
    pub densities: Vec<DensityCurve>,
}

const DASHES: [Dash; 3] = [Dash::Solid, Dash::Dashed, Dash::Dotted];

impl SpectralDensityFigure {
    /// The figure.
    pub fn figure(&self) -> Figure {
        let x = Axis::linear(Text::markup("eigenvalue λ of *H*")).tight();
        let y = Axis::log10_above(self.floor, Text::plain("spectral density"));
        let mut chart = Chart::new(x, y);
        chart.height = 280.0;
        for (index, density) in self.densities.iter().enumerate() {
            let ink = Ink::Series(index);
            if !density.standard_error.is_empty() {
                let points = density.points.iter().zip(&density.standard_error);
                let bounds = points
                    .map(|([value, height], error)| {
                        [*value, (height - error).max(0.0), height + error]
                    })
                    .collect();
                chart.series.push(Series::new(Mark::Band { bounds }, ink));
            }
            let line = Series::line(density.points.clone(), ink)
                .dashed(DASHES[index % DASHES.len()])
                .named(Text::plain(&density.label));
            chart.series.push(line);
            if !density.eigenvalues.is_empty() {
                let values = density.eigenvalues.clone();
                let rug = Series::new(Mark::Rug { values }, ink);
                chart.series.push(
                    rug.named(Text::plain(format!("{}: resolved eigenvalues", density.label))),
                );
            }
        }
        if let Some(limit) = self.sharpness_limit {
            let label = Text::markup(&format!("2/*η* = {}", reading(limit)));
            chart.series.push(Series::vertical(limit).named(label));
        }
        let mut figure =
            Figure::new("spectral-density", Text::plain(&self.title), self.description());
        figure.subtitle = Text::plain(&self.subtitle);
        figure.legend = LegendPlace::Figure;
        figure.panels = vec![Panel::chart(Text::default(), chart)];
        if self.densities.iter().any(|density| !density.standard_error.is_empty()) {
            figure.notes.push(Text::plain("Shaded: one standard error over the probes."));
        }
        figure
    }

    fn description(&self) -> String {
        let densities = self.densities.iter().map(|density| {
            let values = density.points.iter().map(|point| point[0]);
            let largest =
                values.chain(density.eigenvalues.iter().copied()).fold(f64::NEG_INFINITY, f64::max);
            format!(
                "{}: {} eigenvalues resolved, support up to {}.",
                density.label,
                density.eigenvalues.len(),
                reading(largest)
            )
        });
        format!(
            "Density of the Hessian's eigenvalues on a logarithmic scale. {}",
            densities.collect::<Vec<_>>().join(" ")
        )
    }
}
