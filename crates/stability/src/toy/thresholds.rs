//! Closed forms with two curvatures and B = 1.

/// The first η > 0 with E log|1 − ηh_i| = 0, that is |(1 − ηh_1)(1 − ηh_2)| = 1: the smaller root of
/// h_1h_2η² − (h_1 + h_2)η + 2 = 0 where it is real, and (h_1 + h_2)/(h_1h_2) otherwise.
///
/// Under reshuffled epochs every epoch multiplies x − x* by exactly that product, so this is also
/// the threshold under reshuffling, in mean square as well as almost surely.
pub fn almost_sure_threshold([first, second]: [f64; 2]) -> f64 {
    let (sum, product) = (first + second, first * second);
    let discriminant = sum * sum - 8.0 * product;
    if discriminant >= 0.0 {
        // The form of the smaller root without cancellation.
        4.0 / (sum + discriminant.sqrt())
    } else {
        sum / product
    }
}
