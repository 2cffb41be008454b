//! The trace by random probes, with standard errors.

use std::ops::ControlFlow;

use crate::basis::Basis;
use crate::estimate::ProbeEstimate;
use crate::product::Products;
use crate::random::{Purpose, fill_signs};
use crate::vectors::{dot, scale};
use crate::{Error, SymmetricOperator};

/// tr A by Hutch++ (Meyer, Musco, Musco & Woodruff, SOSA 2021): the trace on the range of a random
/// sketch exactly, the rest by Hutchinson (1990): the mean of zᵀAz over sign vectors z.
///
/// With `products` in all, a third goes to Q = orth(A S) for sign vectors S, a third to tr QᵀAQ,
/// and a third to probes of (I − QQᵀ)A(I − QQᵀ). For A ⪰ 0 the error falls like 1/products
/// instead of 1/√products: right for a Hessian of a few outliers and a small bulk. Unbiased; the
/// standard error is that of the probes, given Q, and zero where Q spans the whole space.
///
/// An operator of at most `products` rows has its diagonal summed, which is exact.
///
/// Memory: products/3 + 2 vectors. `progress` gets the number of products after each; `None` when it
/// breaks.
///
/// # Errors
/// [`Error::Empty`], [`Error::Parameter`] below 6 products, which give two probes,
/// [`Error::NotFinite`], [`Error::Overflow`].
pub fn hutch_plus_plus<O: SymmetricOperator + ?Sized>(
    operator: &mut O,
    products: usize,
    seed: u64,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Option<ProbeEstimate>, Error> {
    if products < 6 {
        let requirement =
            "at least 6: two for the sketch, two for its trace, two for the standard error";
        return Err(Error::Parameter { name: "products", value: products as f64, requirement });
    }
    let budget = products;
    let mut products = Products::new(operator)?;
    let dimension = products.dimension();
    if dimension <= budget {
        return exact(&mut products, progress);
    }
    let sketch = (budget / 3).min(dimension);
    let mut basis = Basis::new(dimension, sketch + 2);
    let mut coefficients = vec![0.0; sketch + 2];

    // Q, by columns: what lies in the span of the columns before is dropped.
    let mut rank = 0;
    for index in 0..sketch {
        fill_signs(basis.column_mut(rank), seed, Purpose::Probe(index));
        let (probe, image) = basis.pair(rank, rank + 1);
        let before = products.multiply(probe, image)?;
        if progress(products.count()).is_break() {
            return Ok(None);
        }
        basis.copy(rank + 1, rank);
        let after = basis.orthogonalise(rank, &mut coefficients).remainder;
        if after > crate::basis::INVARIANT_BELOW * before {
            scale(1.0 / after, basis.column_mut(rank));
            rank += 1;
        }
    }
    let mut captured = 0.0;
    for column in 0..rank {
        let (direction, image) = basis.pair(column, rank);
        products.multiply(direction, image)?;
        if progress(products.count()).is_break() {
            return Ok(None);
        }
        captured += dot(direction, image);
    }
    if rank == dimension {
        let products = products.count();
        return Ok(Some(ProbeEstimate {
            value: captured,
            standard_error: 0.0,
            samples: 0,
            products,
        }));
    }
    let probes = budget - products.count();
    let mut samples = Vec::with_capacity(probes);
    for index in 0..probes {
        fill_signs(basis.column_mut(rank), seed, Purpose::Probe(sketch + index));
        basis.orthogonalise(rank, &mut coefficients);
        let (probe, image) = basis.pair(rank, rank + 1);
        products.multiply(probe, image)?;
        if progress(products.count()).is_break() {
            return Ok(None);
        }
        samples.push(dot(probe, image));
    }
    let rest = ProbeEstimate::from_samples(&samples, products.count());
    Ok(Some(ProbeEstimate { value: captured + rest.value, ..rest }))
}

/// Σ_i e_iᵀAe_i.
fn exact<O: SymmetricOperator + ?Sized>(
    products: &mut Products<'_, O>,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Option<ProbeEstimate>, Error> {
    let dimension = products.dimension();
    let (mut unit, mut image) = (vec![0.0; dimension], vec![0.0; dimension]);
    let mut value = 0.0;
    for index in 0..dimension {
        unit[index] = 1.0;
        products.multiply(&unit, &mut image)?;
        unit[index] = 0.0;
        value += image[index];
        if progress(products.count()).is_break() {
            return Ok(None);
        }
    }
    let products = products.count();
    Ok(Some(ProbeEstimate { value, standard_error: 0.0, samples: 0, products }))
}
