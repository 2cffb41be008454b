//! The plane of learning rate and batch size: thresholds, and launches against them.

use minimascope_plot::number::reading;
use minimascope_record::escape::{Cell, EscapeGrid};
use minimascope_record::stability::{StabilityReport, Verdict};
use minimascope_record::stored_run::StoredRun;
use minimascope_record::threshold::{CriterionName, by, mean_square};

use crate::page::wording::{listed, plural, sentence};
use crate::page::{Caption, Content, Exhibit, Section, slug};
use crate::views;

/// Grids of launches against the predicted thresholds, and the thresholds of single minima.
pub fn section(stored: &[StoredRun]) -> Section {
    let grids: Vec<&EscapeGrid> = stored.iter().filter_map(|run| run.grid.as_ref()).collect();
    // The best known answer of each run that has a boundary.
    let best = stored.iter().filter_map(|run| run.stability.iter().find_map(boundary));
    let boundaries: Vec<Content> = best.collect();
    let mut blocks = Vec::new();
    if grids.is_empty() {
        blocks.push(Content::missing(
            "Launches over the plane are not drawn: no run has a grid of them",
            "minimascope escape RUN --grid --learning-rates 0.05,0.1,0.3 --batch-sizes 4,25,all",
        ));
    }
    blocks.extend(grids.into_iter().map(grid));
    if boundaries.is_empty() {
        blocks.push(Content::missing(
            "Thresholds over all batch sizes are not drawn: no run has them",
            "minimascope stability RUN --boundary",
        ));
    }
    blocks.extend(boundaries);
    Section::new("Learning rate and batch size", blocks)
}

fn grid(record: &EscapeGrid) -> Content {
    let counts = &record.agreement;
    let agreed = counts.stays_as_predicted + counts.leaves_as_predicted;
    let against = counts.leaves_against_prediction + counts.stays_against_prediction;
    let caption = Caption::new(
        "Linearised SGD stays in mean square below the shaded bracket and leaves above it; inside, \
         the bounds do not decide. Theorem 1 is sufficient for staying, the rectangle proves nothing \
         by its half on *s*.",
        &format!(
            "{agreed} of {} that the bracket decides are as predicted ({} stay, {} leave), {against} are \
             not; of {} that it does not decide {} lie on the side of the estimate.{}",
            plural(agreed + against, "cell"),
            counts.stays_as_predicted,
            counts.leaves_as_predicted,
            counts.not_decided,
            counts.not_decided_as_estimated,
            explained(record)
        ),
        &format!(
            "{} a cell. {}. A cell leaves when most of its launches do; shading: the proved bracket.",
            plural(record.seeds as usize, "seed"),
            sentence(&record.criterion)
        ),
    );
    let mut figure = views::grid(record).figure();
    figure.identifier = slug(&format!("plane-{}", record.origin.run));
    Content::Exhibit(Box::new(Exhibit { figure, caption }))
}

/// The explanations of cells that disagree with their prediction, of cells that agree although single
/// launches do not, and of cells without a prediction.
fn explained(record: &EscapeGrid) -> String {
    let heading = |cell: &Cell| match (cell.predicted, cell.has_left()) {
        (Verdict::NotDecided, _) => "Inside the bracket",
        (Verdict::Stays, false) | (Verdict::Leaves, true) => "Single launches not as predicted",
        (Verdict::Stays, true) | (Verdict::Leaves, false) => "Not as predicted",
    };
    let sentence = |name: &str| {
        let cells = record.cells.iter().filter(|cell| heading(cell) == name);
        let reasons = cells.filter_map(|cell| {
            let why = cell.explanation.as_ref()?;
            Some(format!("*η* = {}, *B* = {}: {why}", cell.learning_rate, cell.batch_size))
        });
        let reasons: Vec<String> = reasons.collect();
        if reasons.is_empty() { String::new() } else { format!(" {name}: {}.", listed(&reasons)) }
    };
    ["Not as predicted", "Single launches not as predicted", "Inside the bracket"]
        .map(sentence)
        .concat()
}

/// The critical learning rate of one minimum at every batch size.
pub(in crate::page) fn boundary(report: &StabilityReport) -> Option<Content> {
    let view = views::boundary(report)?;
    let ends = [report.boundary.first()?, report.boundary.last()?].map(|row| {
        let exact = mean_square(&row.thresholds).map_or(String::new(), |exact| {
            let (eta, ends) = (exact.learning_rate, exact.ends());
            let (lower, upper) = (reading(ends.lower), reading(ends.upper));
            format!("{} (proved from {lower} to {upper})", reading(eta))
        });
        let sufficient = by(&row.thresholds, &CriterionName::THEOREM_ONE)
            .map_or("–".to_owned(), |at| reading(at.learning_rate));
        format!("*B* = {}: {exact}, Theorem 1 {sufficient}", row.batch_size)
    });
    let caption = Caption::new(
        "Theorem 1 ≤ the exact mean-square threshold ≤ the necessary bounds; the exact one rises with \
         *B* to 2/*a*. The almost-sure threshold is never below the mean-square one; above the threshold \
         of the worst example some batch expands a direction.",
        &(ends.join("; ") + "."),
        "One minimum, one seed. Shading: the proved bracket; error bars of the almost-sure \
         threshold: one standard error of its simulation.",
    );
    let mut figure = view.figure();
    figure.identifier = slug(&format!("boundary-{}", report.origin.as_ref()?.run));
    Some(Content::Exhibit(Box::new(Exhibit { figure, caption })))
}
