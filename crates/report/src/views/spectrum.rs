//! The spectral density of a point.

use minimascope_plot::number::reading;
use minimascope_record::point::PointSummary;
use minimascope_record::run::Spectrum;

use crate::figures::spectral_density::{DensityCurve, SpectralDensityFigure};

/// The density of a point that no run found; `None` if it was not measured.
pub fn spectral_density(found: &PointSummary) -> Option<SpectralDensityFigure> {
    let spectrum = found.spectrum.as_ref()?;
    let density = spectrum.density.as_ref()?;
    Some(SpectralDensityFigure {
        title: "Spectral density of the Hessian".into(),
        subtitle: format!(
            "{} parameters{}; {} probes, Gaussians of width {}",
            found.parameters,
            found.train_examples.map_or(String::new(), |count| format!(", {count} examples")),
            density.probes,
            reading(density.width)
        ),
        floor: floor(found.parameters, spectrum)?,
        sharpness_limit: None,
        densities: vec![density_curve("density".into(), spectrum)?],
    })
}

/// A spectrum's density with the eigenvalues that were resolved one by one.
pub(crate) fn density_curve(label: String, spectrum: &Spectrum) -> Option<DensityCurve> {
    let density = spectrum.density.as_ref()?;
    let points = density.eigenvalues.iter().zip(&density.density);
    Some(DensityCurve {
        label,
        points: points.map(|(value, height)| [*value, *height]).collect(),
        standard_error: density.standard_error.clone(),
        eigenvalues: spectrum.top.iter().map(|pair| pair.value).collect(),
    })
}

/// Where the axis ends: a hundredth of the peak of a single eigenvalue, 1/(P·width·√(2π)).
pub(crate) fn floor(parameters: usize, spectrum: &Spectrum) -> Option<f64> {
    let width = spectrum.density.as_ref()?.width;
    Some(0.01 * 0.4 / (parameters as f64 * width))
}
