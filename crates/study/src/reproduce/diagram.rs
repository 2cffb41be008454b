//! The minima of a reproduction beside the published ones, on the sharpness–non-uniformity diagram.

use minimascope_report::figures::diagram::{Diagram, DiagramMinimum, DiagramPanel, Group};

use crate::reproduction::{Reproduction, ReproductionRow};

/// One panel for each network and one group for each batch size, with its published values. Rows that
/// reached no minimum are left out; `None` if no row is left.
pub fn diagram(reproduction: &Reproduction) -> Option<Diagram> {
    let mut panels: Vec<DiagramPanel> = Vec::new();
    for row in &reproduction.rows {
        let Some((limit, group)) = group(row) else { continue };
        let title = title(row);
        match panels.iter_mut().find(|panel| panel.title == title) {
            Some(panel) => panel.groups.push(group),
            None => {
                panels.push(DiagramPanel { title, sharpness_limit: limit, groups: vec![group] });
            }
        }
    }
    let loss = reproduction.rows.first()?.result.loss;
    let subtitle = format!(
        "{} training images, {}. One seed of this program beside published values (Wu, \
         Ma, E 2018, and a reproduction of 2019).",
        reproduction.rows.first()?.result.train_examples,
        loss.description()
    );
    (!panels.is_empty()).then(|| Diagram {
        title: "Where gradient descent and SGD come to rest".into(),
        subtitle,
        panels,
    })
}

fn title(row: &ReproductionRow) -> String {
    format!("{}, η = {}", row.result.model, row.result.learning_rate)
}

/// 2/η, and the group of one row.
fn group(row: &ReproductionRow) -> Option<(f64, Group)> {
    let run = &row.result;
    let limit = run.sharpness_limit?;
    let (sharpness, non_uniformity) = (run.sharpness?.value, run.non_uniformity?.value);
    let label = if run.batch_size == run.train_examples {
        "GD".to_owned()
    } else {
        format!("SGD, B = {}", run.batch_size)
    };
    let published: Vec<DiagramMinimum> = row
        .references
        .iter()
        .filter(|reference| reference.note.is_none())
        .filter_map(|reference| {
            let (a, s) = (reference.sharpness?, reference.non_uniformity?);
            Some(DiagramMinimum::new(a.mean, s.mean))
        })
        .collect();
    let group = Group {
        label,
        non_uniformity_limit: run.non_uniformity_limit,
        boundary: Vec::new(),
        minima: vec![DiagramMinimum::new(sharpness, non_uniformity)],
        published,
    };
    Some((limit, group))
}
