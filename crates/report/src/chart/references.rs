//! Labels of reference lines, outside the chart and clear of each other.

use crate::svg::text::Text;
use crate::svg::writer::Role;

const ROLE: Role = Role::Reference;

/// Widest label beside a chart before it is broken into lines.
pub(crate) const SIDE_WIDTH: f64 = 110.0;

/// A label with the place it wants on its axis.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) lines: Vec<Text>,
    pub(crate) at: f64,
}

impl Wish {
    pub(crate) fn new(label: &Text, at: f64) -> Wish {
        Wish { lines: ROLE.wrapped(label, SIDE_WIDTH), at }
    }

    pub(crate) fn width(&self) -> f64 {
        self.lines.iter().map(|line| ROLE.width(line)).fold(0.0, f64::max)
    }

    pub(crate) fn height(&self) -> f64 {
        self.lines.len() as f64 * ROLE.line_height()
    }
}

/// Middles of labels set beside a chart from `top` down to `bottom`: as near to their wishes as
/// their heights allow, in the wishes' order. `None` when they need more room than there is.
pub(crate) fn beside(wishes: &[Wish], top: f64, bottom: f64) -> Option<Vec<f64>> {
    let total: f64 = wishes.iter().map(Wish::height).sum();
    if total > bottom - top {
        return None;
    }
    let mut order: Vec<usize> = (0..wishes.len()).collect();
    order.sort_by(|&left, &right| wishes[left].at.total_cmp(&wishes[right].at));
    // Downwards no label starts above the one before; upwards none ends below the one after.
    let mut middles = vec![0.0; wishes.len()];
    let mut end = top;
    for &index in &order {
        let half = 0.5 * wishes[index].height();
        middles[index] = wishes[index].at.max(end + half);
        end = middles[index] + half;
    }
    let mut start = bottom;
    for &index in order.iter().rev() {
        let half = 0.5 * wishes[index].height();
        middles[index] = f64::min(middles[index], start - half);
        start = middles[index] - half;
    }
    Some(middles)
}

/// A one-line label above a chart: its middle and its row, counted upwards from the chart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Above {
    pub(crate) middle: f64,
    pub(crate) row: usize,
}

/// Places of labels above a chart that spans `left` to `right`.
pub(crate) fn above(labels: &[(&Text, f64)], left: f64, right: f64) -> Vec<Above> {
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
        Above { middle, row }
    };
    labels.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(at: f64) -> Wish {
        Wish::new(&Text::plain("label"), at)
    }

    #[test]
    fn labels_beside_a_chart_stay_in_order_apart_and_inside() {
        let wishes: Vec<Wish> = [50.0, 51.0, 52.0, 99.0, 100.0, 2.0].map(wish).to_vec();
        let middles = beside(&wishes, 0.0, 100.0).unwrap();
        let mut sorted = middles.clone();
        sorted.sort_by(f64::total_cmp);
        let height = wishes[0].height();
        assert!(sorted.windows(2).all(|pair| pair[1] - pair[0] >= height - 1e-9), "{sorted:?}");
        assert!(sorted[0] >= 0.5 * height && sorted[5] <= 100.0 - 0.5 * height);
        assert_eq!(sorted, [5, 0, 1, 2, 3, 4].map(|index: usize| middles[index]));
    }

    #[test]
    fn more_labels_than_room_are_not_placed() {
        assert!(beside(&vec![wish(10.0); 9], 0.0, 100.0).is_none());
    }

    #[test]
    fn labels_above_a_chart_take_another_row_when_they_would_touch() {
        let label = Text::plain("2/η = 20");
        let places = above(&[(&label, 50.0), (&label, 55.0), (&label, 290.0)], 0.0, 300.0);
        assert_eq!(places.iter().map(|place| place.row).collect::<Vec<_>>(), [0, 1, 0]);
        assert!(places[2].middle + 0.5 * ROLE.width(&label) <= 300.0);
    }
}
