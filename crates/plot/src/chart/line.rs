//! A series of points as path data, no denser than the page can show.

use std::fmt::Write as _;

use crate::svg::writer::coordinate;

/// Path data through points on the page.
pub(crate) fn path(points: &[[f64; 2]]) -> String {
    let thin = thinned(points);
    let mut data = String::with_capacity(12 * thin.len());
    for (index, [x, y]) in thin.iter().enumerate() {
        let (px, py) = (coordinate(*x), coordinate(*y));
        let command = if index == 0 { 'M' } else { 'L' };
        let _ = write!(data, "{command}{px} {py}");
    }
    data
}

/// At most the first, lowest, highest and last point of every unit of width, in order, where the
/// points run from left to right; every point elsewhere.
///
/// At one unit's width the four make the same picture as all: a trace of 30,000 steps costs what
/// one of a thousand costs, and no spike is lost.
pub(crate) fn thinned(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let rightward = points.windows(2).all(|pair| pair[0][0] <= pair[1][0]);
    if !rightward {
        return points.to_vec();
    }
    let column = |point: &[f64; 2]| point[0].floor();
    let mut kept = Vec::new();
    for group in points.chunk_by(|left, right| column(left) == column(right)) {
        let extreme = |better: fn(f64, f64) -> bool| {
            let mut best = 0;
            for (index, point) in group.iter().enumerate() {
                if better(point[1], group[best][1]) {
                    best = index;
                }
            }
            best
        };
        let mut chosen =
            [0, extreme(|new, old| new < old), extreme(|new, old| new > old), group.len() - 1];
        chosen.sort_unstable();
        let mut previous = None;
        for index in chosen {
            if previous != Some(index) {
                kept.push(group[index]);
            }
            previous = Some(index);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dense_trace_keeps_its_ends_and_its_spikes() {
        let mut points: Vec<[f64; 2]> =
            (0..30_000).map(|step| [f64::from(step) * 0.01, f64::from(step % 7)]).collect();
        points[12_345][1] = -50.0;
        points[12_346][1] = 80.0;
        let thin = thinned(&points);
        assert!(thin.len() <= 4 * 300);
        assert!(thin.contains(&points[12_345]) && thin.contains(&points[12_346]));
        assert_eq!(thin.first(), points.first());
        assert_eq!(thin.last(), points.last());
        assert!(thin.windows(2).all(|pair| pair[0][0] <= pair[1][0]));
    }

    #[test]
    fn a_path_that_turns_back_is_kept_whole() {
        let points = vec![[0.0, 0.0], [0.2, 1.0], [0.1, 2.0], [0.15, 3.0], [0.12, 0.5]];
        assert_eq!(thinned(&points), points);
    }

    #[test]
    fn points_are_joined_by_straight_segments() {
        assert_eq!(path(&[[0.0, 5.0], [2.0, 1.0]]), "M0 5L2 1");
    }
}
