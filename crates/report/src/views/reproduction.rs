//! The study's minima, ours beside the published ones, on the sharpness–non-uniformity diagram.

use minimascope_record::reproduction::{Reproduction, ReproductionRow};

use crate::figures::diagram::{Diagram, DiagramPanel, Group, Minimum};

/// One panel a network, one group a batch size, published values with it. Rows
/// that reached no minimum are left out; nothing if none is left.
pub fn minima(study: &Reproduction) -> Option<Diagram> {
    let mut panels: Vec<DiagramPanel> = Vec::new();
    for row in &study.rows {
        let Some((limit, group)) = group(row) else { continue };
        let title = title(row);
        match panels.iter_mut().find(|panel| panel.title == title) {
            Some(panel) => panel.groups.push(group),
            None => {
                panels.push(DiagramPanel { title, sharpness_limit: limit, groups: vec![group] });
            }
        }
    }
    let loss = study.rows.first()?.result.loss;
    let subtitle = format!(
        "{} training images, {}. One seed of this program beside published values (Wu, \
         Ma, E 2018, and a reproduction of 2019).",
        study.rows.first()?.result.train_examples,
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
    let published: Vec<Minimum> = row
        .references
        .iter()
        .filter(|reference| reference.note.is_none())
        .filter_map(|reference| {
            let (a, s) = (reference.sharpness?, reference.non_uniformity?);
            Some(Minimum::new(a.mean, s.mean))
        })
        .collect();
    let group = Group {
        label,
        non_uniformity_limit: run.non_uniformity_limit,
        boundary: Vec::new(),
        minima: vec![Minimum::new(sharpness, non_uniformity)],
        published,
    };
    Some((limit, group))
}
