//! The growth rate of a departure.

use minimascope_record::escape::FittedGrowth;

use super::criterion::Criterion;

/// Fits loss = value·factor^(step − first) by least squares in log loss, from the last step before
/// the departure at which the loss had not begun to grow, to where the loss is the geometric mean
/// of that beginning and its peak, or at the criterion if that is higher: beyond, the growth is no
/// longer linear. `losses` holds (step, loss) with steps rising; `left_at` the departure.
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
    let first = losses[..left].iter().rposition(|(_, loss)| !criterion.has_begun(*loss))?;
    let enough = (criterion.beginning() * peak).sqrt().max(criterion.limit());
    let last = first + losses[first..].iter().position(|(_, loss)| *loss >= enough)?;
    let window = &losses[first..=last];
    let count = window.len() as f64;
    let points = || window.iter().map(|(step, loss)| (*step as f64, loss.ln()));
    let (t, y) = points().fold((0.0, 0.0), |(t, y), at| (t + at.0 / count, y + at.1 / count));
    let spread: f64 = points().map(|at| (at.0 - t).powi(2)).sum();
    if window.len() < 2 || spread == 0.0 {
        return None;
    }
    let slope = points().map(|at| (at.0 - t) * (at.1 - y)).sum::<f64>() / spread;
    let scatter: f64 = points().map(|at| (at.1 - y - slope * (at.0 - t)).powi(2)).sum();
    let factor = slope.exp();
    let start = window[0].0;
    Some(FittedGrowth {
        first: start,
        last: window[window.len() - 1].0,
        value: (y + slope * (start as f64 - t)).exp(),
        factor,
        standard_error: (window.len() > 2)
            .then(|| factor * (scatter / (count - 2.0) / spread).sqrt()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A loss that rests at 1e-4 for ten steps, grows by 1.5 a step to 1 and rests there.
    #[test]
    fn an_exponential_between_two_rests() {
        let criterion = Criterion::from_loss(1e-4);
        let loss = |step: u64| (1e-4 * 1.5_f64.powi(step.saturating_sub(10) as i32)).min(1.0);
        let losses: Vec<(u64, f64)> = (0..60).map(|step| (step, loss(step))).collect();
        let left_at = losses.iter().find(|(_, loss)| criterion.has_left(*loss)).unwrap().0;
        let found = fit(&losses, criterion, left_at).unwrap();
        assert!((found.factor - 1.5).abs() < 1e-9, "{found:?}");
        // 1.5 a step from 1e-4: not above 2e-4 at step 11, beyond √(2e-4·1) at 23.
        assert_eq!((found.first, found.last), (11, 23));
        assert!((found.value - loss(11)).abs() < 1e-12);
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
