//! The growth rate of a departure.

use minimascope_record::escape::FittedGrowth;

use super::criterion::Criterion;

/// Beyond this many times the minimum's loss the fit ends at the latest: the mean squared error
/// of outputs that know nothing is a thousand times that of the study's minima.
const NONLINEAR: f64 = 1e3;

/// Fits loss − minimum's loss = value·factor^(step − first) by least squares in the logarithm,
/// from the first step of the departure at which the loss has begun to grow, to where the loss is
/// the geometric mean of that beginning and its peak, but not below the criterion: beyond, the
/// growth is no longer linear. A departure faster than that gives the factor of one step of the
/// loss itself. `losses` holds (step, loss) with steps rising; `left_at` the departure.
pub(super) fn fit(
    losses: &[(u64, f64)],
    criterion: Criterion,
    left_at: u64,
) -> Option<FittedGrowth> {
    let finite = losses.iter().position(|(_, loss)| !loss.is_finite()).unwrap_or(losses.len());
    let losses = &losses[..finite];
    let left = losses.iter().position(|(step, _)| *step >= left_at)?;
    // The peak of this departure: until the loss falls below the criterion again.
    let back = losses[left..].iter().position(|(_, loss)| !criterion.has_left(*loss));
    let until = back.map_or(losses.len(), |back| left + back);
    let peak = losses[left..until].iter().map(|(_, loss)| *loss).fold(0.0, f64::max);
    let before = losses[..left].iter().rposition(|(_, loss)| !criterion.has_begun(*loss))?;
    let enough = (criterion.beginning() * peak).sqrt().min(NONLINEAR * criterion.loss());
    let enough = enough.max(criterion.limit());
    let last = before + losses[before..].iter().position(|(_, loss)| *loss >= enough)?;
    if last < before + 2 {
        let ((first, from), (last, to)) = (losses[before], losses[last]);
        let factor = (to / from).powf(1.0 / (last - first) as f64);
        return Some(FittedGrowth { first, last, value: from, factor, standard_error: None });
    }
    let window = &losses[before + 1..=last];
    let count = window.len() as f64;
    let points =
        || window.iter().map(|(step, loss)| (*step as f64, (loss - criterion.loss()).ln()));
    let (t, y) = points().fold((0.0, 0.0), |(t, y), at| (t + at.0 / count, y + at.1 / count));
    let spread: f64 = points().map(|at| (at.0 - t).powi(2)).sum();
    let slope = points().map(|at| (at.0 - t) * (at.1 - y)).sum::<f64>() / spread;
    let scatter: f64 = points().map(|at| (at.1 - y - slope * (at.0 - t)).powi(2)).sum();
    let (factor, first) = (slope.exp(), window[0].0);
    let error = factor * (scatter / (count - 2.0) / spread).sqrt();
    Some(FittedGrowth {
        first,
        last: window[window.len() - 1].0,
        value: (y + slope * (first as f64 - t)).exp(),
        factor,
        standard_error: (window.len() > 2).then_some(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A loss that rests at 1e-4 for ten steps, exceeds it by 1e-6·1.5ᵗ, and rests at 1.
    #[test]
    fn an_exponential_between_two_rests() {
        let criterion = Criterion::from_loss(1e-4);
        let excess =
            |step: u64| if step < 10 { 0.0 } else { 1e-6 * 1.5_f64.powi(step as i32 - 10) };
        let loss = |step: u64| (1e-4 + excess(step)).min(1.0);
        let losses: Vec<(u64, f64)> = (0..60).map(|step| (step, loss(step))).collect();
        let left_at = losses.iter().find(|(_, loss)| criterion.has_left(*loss)).unwrap().0;
        let found = fit(&losses, criterion, left_at).unwrap();
        assert!((found.factor - 1.5).abs() < 1e-9, "{found:?}");
        // Excess over 1e-4 first at 1.5^12 = 130, loss over √(2e-4·1) = 1.41e-2 first at 1.5^24.
        assert_eq!((found.first, found.last), (22, 34));
        assert!((found.value / excess(22) - 1.0).abs() < 1e-9);
        assert!(found.standard_error.unwrap() < 1e-9);
    }

    /// Two steps of gradient descent far above its threshold: a factor without an error.
    #[test]
    fn a_departure_of_one_step() {
        let criterion = Criterion::from_loss(1e-4);
        let losses = [(0, 1e-4), (1, 2e-2), (2, f64::NAN)];
        let found = fit(&losses, criterion, 1).unwrap();
        assert!((found.factor - 200.0).abs() < 1e-9 && found.standard_error.is_none());
        assert!(fit(&[(0, 1e-4), (1, f64::NAN)], criterion, 1).is_none());
    }
}
