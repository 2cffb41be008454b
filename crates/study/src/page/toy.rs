//! The one-dimensional example.

use minimascope_plot::number::reading;
use minimascope_record::escape::{ToyEnd, ToyEscape};
use minimascope_record::threshold::{CriterionName, by};
use minimascope_report::page::wording::NONE;
use minimascope_report::page::{Caption, Content, Exhibit, Section};

use crate::toy::ToyFigure;

pub(super) fn section(toy: Option<(&ToyEscape, &ToyFigure)>) -> Section {
    const TITLE: &str = "One dimension";
    let Some((record, toy)) = toy else {
        let what = "The one-dimensional example is not drawn: it was not launched";
        return Section::new(TITLE, vec![Content::missing(what, "minimascope escape toy")]);
    };
    let theory = record.minima.iter().map(|at| {
        let eta = |criterion| {
            by(&at.thresholds, &criterion).map_or(NONE.to_owned(), |at| reading(at.learning_rate))
        };
        format!(
            "At *x* = {}: *a* = {}, *s* = {}; SGD's mean square grows by \
             (1 − *ηa*)^{{2}} + *η*^{{2}}*s*^{{2}} = {} a step, so it {}. It stays below *η* = {} in \
             mean square, below {} almost surely; GD below 2/*a* = {}.",
            at.position,
            reading(at.sharpness),
            reading(at.non_uniformity),
            reading(at.mean_square_growth),
            at.verdict,
            eta(CriterionName::MEAN_SQUARE),
            reading(at.almost_sure_closed_form),
            eta(CriterionName::GRADIENT_DESCENT)
        )
    });
    let fates = &record.sgd;
    let gradient_descent = match record.gradient_descent {
        ToyEnd::AtZero => "goes to *x* = 0",
        ToyEnd::AtOne => "stays at *x* = 1",
        ToyEnd::Between => "ends between the minima",
        ToyEnd::Diverged => "diverges",
    };
    let departure = fates.median_departure.map_or(String::new(), |step| {
        format!(" The median path is further than 0.1 from *x* = 1 after {step} iterations.")
    });
    let caption = Caption::new(
        &theory.collect::<Vec<_>>().join(" "),
        &format!(
            "Of {} paths of SGD from *x*_{{0}} = {}, {} end at *x* = 0, {} at *x* = 1, {} between, \
             {} diverge.{departure} GD {gradient_descent}.",
            fates.seeds, record.start, fates.at_zero, fates.at_one, fates.between, fates.diverged
        ),
        &format!(
            "{} seeds of {} iterations; the path drawn is that of seed 0. The counts are exact; \
             their binomial standard error is at most {}.",
            fates.seeds,
            record.steps,
            reading(0.5 * (fates.seeds as f64).sqrt())
        ),
    );
    let mut figure = toy.figure();
    figure.width = 940.0;
    Section::new(TITLE, vec![Content::Exhibit(Box::new(Exhibit { figure, caption }))])
}
