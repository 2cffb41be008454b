//! Thresholds as text: one list as a table, or many lists as the columns of one.

use minimascope_record::threshold::{
    CriterionName, Evidence, LowerBy, Proves, RankSearch, RankStop, Threshold, by,
};

use crate::table::{TextTable, grouped, significant};

/// What each criterion says.
pub(crate) fn criteria(thresholds: &[Threshold]) -> String {
    let mut table = TextTable::new(["  criterion", "η", "proves", "remark"]);
    for threshold in thresholds {
        let name = |suffix: &str| format!("  {}{suffix}", threshold.title);
        let value = significant(threshold.learning_rate);
        let remark = threshold.remark.clone().unwrap_or_default();
        // Ends that rest on orders that were drawn prove nothing, and are its error in other words.
        let proved = threshold.bracket.filter(|_| threshold.proves == Proves::Both);
        match (proved, threshold.search()) {
            (Some(bracket), search) => {
                let lower_by = search.map_or(String::new(), |search| lower_by(search).to_owned());
                let lower = significant(bracket.lower);
                let below = Proves::StayingBelow.to_string();
                table.row([name(", lower end"), lower, below, lower_by]);
                let ranks = search.map_or(String::new(), ranks);
                table.row([name(", estimate"), value, String::new(), ranks]);
                let (upper, above) = (significant(bracket.upper), Proves::LeavingAbove.to_string());
                table.row([name(", upper end"), upper, above, remark]);
            }
            (None, _) => {
                let known = evidence(&threshold.evidence);
                let remark = [known, remark].into_iter().filter(|part| !part.is_empty());
                let remark = remark.collect::<Vec<_>>().join(", ");
                table.row([name(""), value, threshold.proves.to_string(), remark]);
            }
        }
    }
    table.to_string()
}

fn lower_by(search: &RankSearch) -> &'static str {
    match search.lower_by {
        LowerBy::Theorem1 => "by Theorem 1",
        LowerBy::Certificate => "by a certificate",
        LowerBy::Sharpness => "by the sharpness",
        LowerBy::None => "nothing proved",
    }
}

/// How well a number is known.
fn evidence(evidence: &Evidence) -> String {
    match evidence {
        Evidence::Simulation { standard_error, converged, rank } => {
            let settled = if *converged { "" } else { ", not converged" };
            let (error, rank) = (significant(*standard_error), grouped(*rank as u64));
            format!("± {error}, r = {rank}{settled}")
        }
        Evidence::Orders { orders, all, standard_error, converged, rank } => {
            let settled = if *converged { "" } else { ", not converged" };
            let (orders, rank) = (grouped(*orders as u64), grouped(*rank as u64));
            let known = if *all {
                format!("all orders ({orders})")
            } else {
                format!("± {} of {orders} orders", significant(*standard_error))
            };
            format!("{known}, r = {rank}{settled}")
        }
        Evidence::Formula | Evidence::Search(_) | Evidence::Sample { .. } => String::new(),
    }
}

/// How the estimate settled as directions were added.
fn ranks(search: &RankSearch) -> String {
    let values = search.ranks.iter().map(|at| {
        format!("{} in {}", significant(at.critical_learning_rate), grouped(at.rank as u64))
    });
    let settled = match search.stop {
        RankStop::AllDirections => " directions, which are all",
        RankStop::Converged => " directions",
        _ => " directions, not settled",
    };
    format!("{}{settled}", values.collect::<Vec<_>>().join(", "))
}

/// The criteria of many lists, in the order in which they first come: one may say nothing in some of
/// them.
pub(crate) struct ThresholdColumns<'a> {
    columns: Vec<(&'a CriterionName, &'a str)>,
}

impl<'a> ThresholdColumns<'a> {
    pub(crate) fn of(lists: impl Iterator<Item = &'a [Threshold]>) -> Self {
        let mut columns: Vec<(&CriterionName, &str)> = Vec::new();
        for threshold in lists.flatten() {
            if columns.iter().all(|(name, _)| **name != threshold.criterion) {
                columns.push((&threshold.criterion, &threshold.title));
            }
        }
        Self { columns }
    }

    pub(crate) fn titles(&self) -> impl Iterator<Item = String> {
        self.columns.iter().map(|(_, title)| (*title).to_owned())
    }

    /// The thresholds of one list, with their brackets.
    pub(crate) fn cells(&self, thresholds: &[Threshold]) -> impl Iterator<Item = String> {
        self.columns.iter().map(|(name, _)| {
            by(thresholds, name).map_or("–".to_owned(), |threshold| match threshold.bracket {
                None => significant(threshold.learning_rate),
                Some(bracket) => format!(
                    "{} in [{}, {}]",
                    significant(threshold.learning_rate),
                    significant(bracket.lower),
                    significant(bracket.upper)
                ),
            })
        })
    }
}
