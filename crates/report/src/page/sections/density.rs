//! Spectral densities at the minima of GD and SGD.

use minimascope_plot::number::{plus_minus, reading};
use minimascope_record::run::{RunSummary, Spectrum};
use minimascope_record::stored_run::StoredRun;

use crate::figures::spectral_density::SpectralDensityFigure;
use crate::networks::MeasuredRun;
use crate::page::wording::plural;
use crate::page::{Caption, Content, Exhibit, Section, slug};
use crate::views::{density_curve, floor};

/// The number of densities in a figure: that of different dashes.
const DRAWN: usize = 3;

/// One figure for each network and learning rate with a spectral density.
pub fn section(stored: &[StoredRun]) -> Section {
    let with: Vec<&StoredRun> = stored
        .iter()
        .filter(|run| {
            let density = run.spectrum.as_ref().and_then(|spectrum| spectrum.density.as_ref());
            density.is_some() && run.result.is_some()
        })
        .collect();
    let mut groups: Vec<Vec<&StoredRun>> = Vec::new();
    for run in with {
        let key = |run: &StoredRun| {
            let result = run.result.as_ref()?;
            Some((result.model.clone(), result.data.clone(), result.learning_rate.to_bits()))
        };
        match groups.iter_mut().find(|group| key(group[0]) == key(run)) {
            None => groups.push(vec![run]),
            Some(group) if group.len() < DRAWN => group.push(run),
            Some(_) => {}
        }
    }
    let mut blocks: Vec<Content> = groups.iter().filter_map(|group| exhibit(group)).collect();
    if blocks.is_empty() {
        blocks.push(Content::missing(
            "The spectral density is not drawn: no run has one",
            "minimascope measure RUN --density --top 10",
        ));
    }
    Section::new("Spectral density", blocks)
}

/// The densities of runs that differ in their batch size. `None` if none has a density.
pub(in crate::page) fn exhibit(runs: &[&StoredRun]) -> Option<Content> {
    let found: Vec<(&RunSummary, &Spectrum)> = runs
        .iter()
        .filter_map(|run| Some((run.result.as_ref()?, run.spectrum.as_ref()?)))
        .collect();
    let first = found.first()?.0;
    let label = |result: &RunSummary| {
        if result.batch_size == result.train_examples {
            "GD".to_owned()
        } else {
            format!("SGD, B = {}", result.batch_size)
        }
    };
    let densities =
        found.iter().filter_map(|(result, spectrum)| density_curve(label(result), spectrum));
    let floors = found.iter().filter_map(|(result, spectrum)| floor(result.parameters, spectrum));
    let floor = floors.reduce(f64::min)?;
    let settings = found.iter().find_map(|(_, spectrum)| spectrum.density.as_ref())?;
    let view = SpectralDensityFigure {
        title: "Spectral density of the Hessian".into(),
        subtitle: format!(
            "{}, η = {}; {} probes, Gaussians of width {}",
            first.model,
            first.learning_rate,
            settings.probes,
            reading(settings.width)
        ),
        floor,
        sharpness_limit: first.sharpness_limit,
        densities: densities.collect(),
    };
    let measured = found.iter().map(|(result, spectrum)| {
        let trace = spectrum.trace.map_or(String::new(), |trace| {
            format!(", trace {}", plus_minus(trace.value, trace.standard_error))
        });
        let largest = result.sharpness.map_or("–".to_owned(), |at| reading(at.value));
        format!("{}: λ_{{max}} = {largest}{trace}", label(result))
    });
    let caption = Caption::new(
        "Where every example is fitted at most *nK* eigenvalues are not zero; stability bounds the \
         largest by 2/*η*, not the shape of the rest.",
        &(measured.collect::<Vec<_>>().join("; ") + "."),
        &format!(
            "{}, one seed each. Shading: one standard error over the probes; strokes on the axis: \
             eigenvalues that were resolved one by one.",
            plural(found.len(), "minimum")
        ),
    );
    let mut figure = view.figure();
    figure.identifier = slug(&format!("density-{}", runs.first()?.run));
    Some(Content::Exhibit(Box::new(Exhibit { figure, caption })))
}

/// Whether the run has a spectral density.
pub(in crate::page) fn has_density(run: &MeasuredRun<'_>) -> bool {
    run.run.spectrum.as_ref().is_some_and(|spectrum| spectrum.density.is_some())
}
