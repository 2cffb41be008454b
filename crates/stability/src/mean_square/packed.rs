//! C^{-1/2} D C^{-1/2} on symmetric matrices stored as vectors.

use minimascope_linop::{ProductFailure, SymmetricOperator};

use super::second_moment::{SecondMomentMap, mirror_lower};

/// The operator C^{-1/2} D_β C^{-1/2} on the r(r+1)/2 coordinates of symmetric r × r matrices, the
/// lower triangle column by column with off-diagonal entries times √2, so that the dot product of
/// two vectors is tr ST. C is diagonal in H's eigenbasis, so its powers cost r² operations.
///
/// With momentum β (0 without),
/// D_β(S)_ab = D(S)_ab − β/(1−β²)·(h_a² + h_b² − 2β h_a h_b) S_ab; see [`super::critical`].
pub struct Packed<'m, 'f> {
    map: &'m mut SecondMomentMap<'f>,
    momentum: f64,
    matrix: Vec<f64>,
    image: Vec<f64>,
}

impl<'m, 'f> Packed<'m, 'f> {
    /// The operator of `map` with momentum β.
    pub fn new(map: &'m mut SecondMomentMap<'f>, momentum: f64) -> Self {
        let size = map.factors().rank().pow(2);
        Self { map, momentum, matrix: vec![0.0; size], image: vec![0.0; size] }
    }
}

impl SymmetricOperator for Packed<'_, '_> {
    fn dimension(&self) -> usize {
        let r = self.map.factors().rank();
        r * (r + 1) / 2
    }

    fn apply(&mut self, x: &[f64], y: &mut [f64]) -> Result<(), ProductFailure> {
        let h = self.map.factors().curvatures();
        unpack(x, h, &mut self.matrix);
        self.map.apply(&self.matrix, &mut self.image);
        if self.momentum > 0.0 {
            let (beta, r) = (self.momentum, h.len());
            for (at, out) in self.image.iter_mut().enumerate() {
                let (ha, hb) = (h[at % r], h[at / r]);
                let damping =
                    beta / (1.0 - beta * beta) * (ha * ha + hb * hb - 2.0 * beta * ha * hb);
                *out -= damping * self.matrix[at];
            }
        }
        pack_scaled(&self.image, h, y);
        Ok(())
    }
}

/// S = C^{-1/2} of the packed matrix.
pub(crate) fn unpack(x: &[f64], h: &[f64], s: &mut [f64]) {
    let r = h.len();
    let mut at = 0;
    for b in 0..r {
        for a in b..r {
            let scale = if a == b { h[a].sqrt() } else { (h[a] + h[b]).sqrt() };
            // √2 of the packing times √((h_a+h_b)/2) of C is √(h_a+h_b).
            s[b * r + a] = x[at] / scale;
            at += 1;
        }
    }
    mirror_lower(s, r);
}

/// The packed C^{-1/2} M.
fn pack_scaled(matrix: &[f64], h: &[f64], y: &mut [f64]) {
    let r = h.len();
    let mut at = 0;
    for b in 0..r {
        for a in b..r {
            let scale = if a == b { 1.0 / h[a].sqrt() } else { 2.0 / (h[a] + h[b]).sqrt() };
            y[at] = matrix[b * r + a] * scale;
            at += 1;
        }
    }
}

/// The packed C^{1/2} S: the inverse of [`unpack`].
pub(crate) fn pack(s: &[f64], h: &[f64]) -> Vec<f64> {
    let r = h.len();
    let mut packed = Vec::with_capacity(r * (r + 1) / 2);
    for b in 0..r {
        for a in b..r {
            let scale = if a == b { h[a].sqrt() } else { (h[a] + h[b]).sqrt() };
            packed.push(s[b * r + a] * scale);
        }
    }
    packed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dense::dot;
    use crate::problems::RandomProblem;

    /// The packed quadratic form of C^{1/2}S is tr S·D(S), its squared norm tr S·C(S).
    #[test]
    fn quadratic_forms_agree() {
        for seed in 0..20 {
            let factors = RandomProblem::new(seed).factors();
            let r = factors.rank();
            let mut map = SecondMomentMap::new(&factors, 0.6);
            let mut s = crate::problems::random_rows(r, r, seed);
            mirror_lower(&mut s, r);
            let (mut ds, mut cs) = (vec![0.0; r * r], vec![0.0; r * r]);
            map.apply(&s, &mut ds);
            map.apply_mean(&s, &mut cs);
            let x = pack(&s, factors.curvatures());
            let mut y = vec![0.0; x.len()];
            Packed::new(&mut map, 0.0).apply(&x, &mut y).unwrap();
            let close = |a: f64, b: f64| (a - b).abs() <= 1e-12 * (a.abs() + b.abs());
            assert!(close(dot(&x, &y), dot(&s, &ds)), "D: {} {}", dot(&x, &y), dot(&s, &ds));
            assert!(close(dot(&x, &x), dot(&s, &cs)), "C: {} {}", dot(&x, &x), dot(&s, &cs));
            let mut back = vec![0.0; r * r];
            unpack(&x, factors.curvatures(), &mut back);
            assert!(back.iter().zip(&s).all(|(a, b)| (a - b).abs() < 1e-13 * (1.0 + b.abs())));
        }
    }
}
