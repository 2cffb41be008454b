//! Soundness, in the full space.

use super::search::{CertificateSearch, Checked};
use super::*;
use crate::Momentum;
use crate::dense::{is_positive_definite, product};
use crate::mean_square::{kronecker, largest_ratio};

/// n = 10 examples of two rows on 7 parameters whose scales fall by 0.4 each, as rows and as
/// dense Hessians.
fn problem(seed: u64) -> (ExampleFactors, Vec<f64>) {
    let (n, k, p) = (10, 2, 7);
    let mut rows = crate::problems::random_rows(n * k, p, seed);
    for row in rows.chunks_exact_mut(p) {
        row.iter_mut().enumerate().for_each(|(j, x)| *x *= 0.4f64.powi(j as i32));
    }
    let mut hessians = vec![0.0; n * p * p];
    for (hessian, factor) in hessians.chunks_exact_mut(p * p).zip(rows.chunks_exact(k * p)) {
        for row in factor.chunks_exact(p) {
            (0..p * p).for_each(|at| hessian[at] += row[at / p] * row[at % p]);
        }
    }
    (ExampleFactors::from_rows(n, k, p, &rows).unwrap(), hessians)
}

/// The bound holds for the full space whatever Ritz value it is offered, true ones from
/// leading directions and false ones below; and in most cases it is found.
#[test]
fn never_below_the_dense_value_of_the_full_space() {
    let (mut found, mut close, mut tried) = (0, 0, 0);
    for seed in 0..20 {
        let (factors, hessians) = problem(seed);
        for (noise, rank) in [(1.0, 7), (1.0, 5), (0.4, 4), (0.1, 3)] {
            let exact = kronecker::largest_ratio(7, &hessians, noise).unwrap();
            let part = factors.truncated(rank);
            let ritz = largest_ratio(&part, noise, Momentum::NONE, 1e-8).unwrap();
            let mut perron = vec![0.0; rank * rank];
            crate::mean_square::packed::unpack(&ritz.vector, part.curvatures(), &mut perron);
            assert!(ritz.value <= exact * (1.0 + 1e-10), "truncation is a lower bound");
            for false_share in [1.0, 0.99, 0.6] {
                let value = false_share * ritz.value;
                let bound = certify(&part, noise, (value, &perron), f64::INFINITY).unwrap().bound;
                let case = format!("seed {seed}, p {noise}, r {rank}, share {false_share}");
                assert!(bound >= exact * (1.0 - 1e-10), "{case}: {bound} below {exact}");
                if false_share == 1.0 {
                    tried += 1;
                    found += usize::from(bound.is_finite());
                    close += usize::from(bound < 1.1 * exact);
                }
            }
        }
    }
    assert_eq!(tried, 80);
    assert!(found >= 72 && close >= 60, "{found} found, {close} within 10 %");
}

/// The conditions imply zC(X) − D(X) ⪰ 0 on the full space for X = X_V ⊕ I_W, at the smallest z
/// that they accept and for X_V of any scale; and they accept some z of that order.
#[test]
fn the_conditions_imply_the_full_inequality() {
    let mut losses = Vec::new();
    for seed in 0..40 {
        let (n, k, full) = (6, 2, 9);
        let rows = crate::problems::random_rows(n * k, full, seed);
        let factors = ExampleFactors::from_rows(n, k, full, &rows).unwrap();
        let (noise, rank) = ([1.0, 0.5, 0.2][seed as usize % 3], 2 + seed as usize % 4);
        let root = crate::problems::random_rows(rank, rank, seed + 500);
        let mut x = vec![0.0; rank * rank];
        let scale = 10f64.powf(seed as f64 / 20.0 - 1.0);
        product((&root, rank), (&root, true), scale, &mut x);
        // C(X) is not positive definite for every X ≻ 0; it is for X close to a multiple of I.
        x.iter_mut().step_by(rank + 1).for_each(|v| *v += 2.0 * scale * rank as f64);
        let mut joined = vec![0.0; full * full];
        joined.iter_mut().step_by(full + 1).for_each(|v| *v = 1.0);
        for (column, part) in joined.chunks_exact_mut(full).zip(x.chunks_exact(rank)) {
            column[..rank].copy_from_slice(part);
        }
        let part = factors.truncated(rank);
        let mut search = CertificateSearch::new(&part, noise, Vec::new());
        let mut whole = CertificateSearch::new(&factors, noise, Vec::new());
        // zC(X) − D(X) is monotone in z only where C(X) ⪰ 0: the smallest z of a grid.
        let grid = (0..400).map(|j| factors.sharpness() * 1.02f64.powi(j));
        let accepts = |z: &f64| matches!(search.check(*z, &x).unwrap(), Checked::Proved);
        let accepted = grid.clone().find(accepts);
        let holds = |z: f64, whole: &mut CertificateSearch<'_>| {
            is_positive_definite(&whole.image(z, &joined), full)
        };
        if let Some(z) = accepted {
            assert!(holds(z, &mut whole), "seed {seed}: accepted {z} without the inequality");
            let least = grid.clone().find(|z| holds(*z, &mut whole)).unwrap();
            losses.push(z / least);
        }
    }
    // The bound max λ_max(T_i) for λ_max(PTP) costs a factor of a few when, as here, the
    // directions hold up to half of all rows.
    assert!(losses.len() == 40 && losses.iter().all(|loss| *loss < 4.0), "{losses:?}");
}
