//! Places the labels of reference lines outside the chart, without overlaps.

use crate::svg::text::Text;
use crate::svg::writer::TextRole;

const ROLE: TextRole = TextRole::Reference;

/// Widest label beside a chart before it is broken into lines.
pub(crate) const SIDE_WIDTH: f64 = 110.0;

/// A label and the position on the axis where it should stand.
#[derive(Clone, Debug)]
pub(crate) struct LabelRequest {
    pub(crate) lines: Vec<Text>,
    pub(crate) at: f64,
}

impl LabelRequest {
    pub(crate) fn new(label: &Text, at: f64) -> LabelRequest {
        LabelRequest { lines: ROLE.wrapped(label, SIDE_WIDTH), at }
    }

    pub(crate) fn width(&self) -> f64 {
        self.lines.iter().map(|line| ROLE.width(line)).fold(0.0, f64::max)
    }

    pub(crate) fn height(&self) -> f64 {
        self.lines.len() as f64 * ROLE.line_height()
    }
}

/// The middle of each label beside a chart that spans `top` to `bottom`. The labels keep the order of
/// their requested positions and do not overlap. `None` if they do not fit.
pub(crate) fn beside(requests: &[LabelRequest], top: f64, bottom: f64) -> Option<Vec<f64>> {
    let total: f64 = requests.iter().map(LabelRequest::height).sum();
    if total > bottom - top {
        return None;
    }
    let mut order: Vec<usize> = (0..requests.len()).collect();
    order.sort_by(|&left, &right| requests[left].at.total_cmp(&requests[right].at));
    // Downwards no label starts above the one before; upwards none ends below the one after.
    let mut middles = vec![0.0; requests.len()];
    let mut end = top;
    for &index in &order {
        let half = 0.5 * requests[index].height();
        middles[index] = requests[index].at.max(end + half);
        end = middles[index] + half;
    }
    let mut start = bottom;
    for &index in order.iter().rev() {
        let half = 0.5 * requests[index].height();
        middles[index] = f64::min(middles[index], start - half);
        start = middles[index] - half;
    }
    Some(middles)
}

/// A one-line label above a chart: its middle and its row, counted upwards from the chart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PlacedLabel {
    pub(crate) middle: f64,
    pub(crate) row: usize,
}

/// Places of labels above a chart that spans `left` to `right`.
pub(crate) fn above(labels: &[(&Text, f64)], left: f64, right: f64) -> Vec<PlacedLabel> {
    let gap = 8.0;
    let mut taken: Vec<Vec<[f64; 2]>> = Vec::new();
    let place = |&(label, at): &(&Text, f64)| {
        let half = 0.5 * ROLE.width(label);
        let middle = if 2.0 * half > right - left {
            0.5 * (left + right)
        } else {
            at.clamp(left + half, right - half)
        };
        let free = |row: &Vec<[f64; 2]>| {
            row.iter()
                .all(|[start, end]| middle + half + gap < *start || middle - half - gap > *end)
        };
        let row = taken.iter().position(free).unwrap_or(taken.len());
        if row == taken.len() {
            taken.push(Vec::new());
        }
        taken[row].push([middle - half, middle + half]);
        PlacedLabel { middle, row }
    };
    labels.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(at: f64) -> LabelRequest {
        LabelRequest::new(&Text::plain("label"), at)
    }

    #[test]
    fn labels_beside_a_chart_stay_in_order_apart_and_inside() {
        let requests: Vec<LabelRequest> =
            [50.0, 51.0, 52.0, 99.0, 100.0, 2.0].map(request).to_vec();
        let middles = beside(&requests, 0.0, 100.0).unwrap();
        let mut sorted = middles.clone();
        sorted.sort_by(f64::total_cmp);
        let height = requests[0].height();
        assert!(sorted.windows(2).all(|pair| pair[1] - pair[0] >= height - 1e-9), "{sorted:?}");
        assert!(sorted[0] >= 0.5 * height && sorted[5] <= 100.0 - 0.5 * height);
        assert_eq!(sorted, [5, 0, 1, 2, 3, 4].map(|index: usize| middles[index]));
    }

    #[test]
    fn more_labels_than_room_are_not_placed() {
        assert!(beside(&vec![request(10.0); 9], 0.0, 100.0).is_none());
    }

    #[test]
    fn labels_above_a_chart_take_another_row_when_they_would_touch() {
        let label = Text::plain("2/η = 20");
        let places = above(&[(&label, 50.0), (&label, 55.0), (&label, 290.0)], 0.0, 300.0);
        assert_eq!(places.iter().map(|place| place.row).collect::<Vec<_>>(), [0, 1, 0]);
        assert!(places[2].middle + 0.5 * ROLE.width(&label) <= 300.0);
    }
}
