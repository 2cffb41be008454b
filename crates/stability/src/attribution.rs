//! Which examples make SGD leave, and what is left when they go.
//!
//! Examples are left out one after the other, each time the one of the largest share among those that
//! are left. The shares are computed anew each time: without the sharpest example another direction
//! grows first, and another example may carry it.

use std::borrow::Cow;
use std::ops::ControlFlow;

use minimascope_linop::LanczosProgress;
use minimascope_record::measured::Measured;
use minimascope_record::stability::{CriticalOfRest, NonUniformityOfRest, Share};
use minimascope_record::threshold::RankStop;

use crate::criteria::variance::{NonUniformity, non_uniformity_without};
use crate::dense::{axpy, dot};
use crate::mean_square::{CriticalParameters, CriticalProgress, MeanSquareCritical, critical_near};
use crate::{Batching, Error, ExampleFactors};

/// The least share of all blocks A_iA_iᵀ, by norm, in the start of the next search. What decides the
/// rest may be orthogonal to what decided before; with a tenth of everything in the start, the search
/// finds it in two or three products more than it needs from a start that is right.
const LEAST_NEW: f64 = 0.1;

/// What a minimum owes to its examples: `shares` of all of them, largest first, and the `rest` when
/// 0, 1, 2, … are left out.
#[derive(Clone, Debug)]
pub struct LeavingOut<Rest> {
    /// With nothing left out.
    pub shares: Vec<Share>,
    /// An entry a number of examples left out.
    pub rest: Vec<Rest>,
}

/// η* of the rest when up to `count` examples of the largest share in η* are left out, as long as B
/// examples and two are left. With X the second moment that grows first, ⟨X, mean H_iXH_i⟩ =
/// mean |A_iXA_iᵀ|_F², and an example's share is its term.
///
/// Each entry is an eigenproblem for the new H, nK·r² multiply–adds and r³ more, and a search in all
/// directions of the factors from the blocks A_iXA_iᵀ before: some 10 to 20 applications of 2·nK·r².
/// `progress` is told how many examples are left out; where it breaks, the entries known by then are
/// returned.
///
/// # Errors
/// Those of [`ExampleFactors::without`] and [`critical_near`].
pub fn critical_of_rest(
    factors: &ExampleFactors,
    batching: &Batching,
    count: usize,
    parameters: &CriticalParameters,
    progress: &mut dyn FnMut(usize, &CriticalProgress) -> ControlFlow<()>,
) -> Result<LeavingOut<CriticalOfRest>, Error> {
    let least = batching.batch_size().max(2);
    let mut leaving = Leaving::new(factors.examples(), least, count);
    let mut near = factors.blocks().to_vec();
    loop {
        let left_out = leaving.number();
        let rest = match left_out {
            0 => Ok(Cow::Borrowed(factors)),
            _ => factors.without(&leaving.left_out).map(Cow::Owned),
        };
        let rest = match rest {
            // Every learning rate stays.
            Err(Error::NoCurvature) => return Ok(leaving.ended(without_curvature(left_out))),
            rest => rest?,
        };
        let (size, scheme) = (batching.batch_size(), batching.sampling());
        let batching = Batching::new(rest.examples(), size, scheme)?;
        let found =
            critical_near(&rest, &batching, &near, parameters, &mut |now| progress(left_out, now))?;
        if found.stop == RankStop::Interrupted {
            return Ok(leaving.done());
        }
        let weights = squares_of_blocks(&found, rest.outputs());
        let largest_share = leaving.largest(weights);
        leaving.rest.push(CriticalOfRest {
            left_out,
            critical_learning_rate: Some(found.estimate),
            relative_residual: found.relative_residual,
            converged: found.converged,
            products: found.products,
            largest_share,
        });
        let Some(position) = leaving.leave_out() else { return Ok(leaving.done()) };
        near = start_without(position, &found.blocks, &rest);
    }
}

fn without_curvature(left_out: usize) -> CriticalOfRest {
    CriticalOfRest {
        left_out,
        critical_learning_rate: None,
        relative_residual: 0.0,
        converged: true,
        products: 0,
        largest_share: None,
    }
}

/// Shares of the examples in the exact threshold, see [`critical_of_rest`]. Largest first.
pub fn mean_square_shares(factors: &ExampleFactors, found: &MeanSquareCritical) -> Vec<Share> {
    ranked(squares_of_blocks(found, factors.outputs()))
}

fn squares_of_blocks(found: &MeanSquareCritical, outputs: usize) -> Vec<f64> {
    found.blocks.chunks_exact(outputs * outputs).map(|block| dot(block, block)).collect()
}

/// The blocks of norm 1 without those of the example at `position`, and of all A_iA_iᵀ that are left
/// as much as went, or [`LEAST_NEW`].
fn start_without(position: usize, blocks: &[f64], factors: &ExampleFactors) -> Vec<f64> {
    let size = factors.outputs() * factors.outputs();
    let but_one = |all: &[f64]| [&all[..position * size], &all[(position + 1) * size..]].concat();
    let (mut start, carried) = (but_one(blocks), but_one(factors.blocks()));
    let gone = &blocks[position * size..][..size];
    let norm = dot(&carried, &carried).sqrt();
    if norm > 0.0 {
        axpy(dot(gone, gone).sqrt().max(LEAST_NEW) / norm, &carried, &mut start);
    }
    start
}

/// s of the rest when up to `count` examples of the largest share of s² are left out, as long as two
/// are left; `tolerance` is the relative residual of λ_max(Σ). With v the top direction of Σ, vᵀΣv = mean |(H_i − H)v|², and an example's share is its
/// |(H_i − H)v|² of the sum.
///
/// Each entry is a search of some 15 products with Σ of the rest, 4·nK·r multiply–adds each. It needs no
/// factors of the rest, and so no eigenproblem for the new H. Where the factors hold leading
/// directions only, they are those of all examples' H.
///
/// # Errors
/// Of the eigensolver.
pub fn non_uniformity_of_rest(
    factors: &ExampleFactors,
    count: usize,
    tolerance: f64,
    progress: &mut dyn FnMut(usize, &LanczosProgress) -> ControlFlow<()>,
) -> Result<LeavingOut<NonUniformityOfRest>, Error> {
    let mut leaving = Leaving::new(factors.examples(), 2, count);
    loop {
        let left_out = leaving.number();
        let mut interrupted = false;
        let mut show = |now: &LanczosProgress| {
            let flow = progress(left_out, now);
            interrupted |= flow.is_break();
            flow
        };
        let found = non_uniformity_without(factors, &leaving.left_out, tolerance, &mut show)?;
        if interrupted {
            return Ok(leaving.done());
        }
        let weights = match found.value {
            0.0 => Vec::new(),
            _ => squares_of_deviations(factors, &leaving.kept, &found.largest.vector),
        };
        let largest_share = leaving.largest(weights);
        leaving.rest.push(NonUniformityOfRest {
            left_out,
            non_uniformity: measured(&found),
            largest_share,
        });
        if leaving.leave_out().is_none() {
            return Ok(leaving.done());
        }
    }
}

fn measured(found: &NonUniformity) -> Measured {
    let (value, residual) = (found.largest.value, found.largest.residual);
    let relative_residual = if value > 0.0 { residual / value } else { 0.0 };
    let (converged, products) = (found.largest.converged, found.largest.products);
    Measured { value: found.value, residual, relative_residual, converged, products }
}

/// |(H_i − H)v|² of the examples kept, H their mean: uᵀB_iu − 2u·w + |Hv|² with u = A_iv, w = A_iHv and
/// B_i the full block.
fn squares_of_deviations(factors: &ExampleFactors, kept: &[usize], v: &[f64]) -> Vec<f64> {
    let k = factors.outputs();
    let along = |i: usize, x: &[f64]| {
        (0..k).map(move |l| (i, l)).map(|(i, l)| dot(factors.row(i, l), x)).collect::<Vec<_>>()
    };
    let mut mean = vec![0.0; v.len()];
    let images: Vec<Vec<f64>> = kept.iter().map(|i| along(*i, v)).collect();
    for (i, u) in kept.iter().zip(&images) {
        for (l, u) in u.iter().enumerate() {
            axpy(u / kept.len() as f64, factors.row(*i, l), &mut mean);
        }
    }
    let deviation = |(i, u): (&usize, &Vec<f64>)| {
        let w = along(*i, &mean);
        let rows = factors.block(*i).chunks_exact(k).map(|row| dot(row, u));
        let square: f64 = rows.zip(u).map(|(b, u)| b * u).sum();
        (square - 2.0 * dot(u, &w) + dot(&mean, &mean)).max(0.0)
    };
    kept.iter().zip(&images).map(deviation).collect()
}

/// Which examples are left, and what is known of each stage.
struct Leaving<Rest> {
    kept: Vec<usize>,
    left_out: Vec<usize>,
    /// At least so many examples stay.
    least: usize,
    /// At most so many go.
    most: usize,
    /// Of all examples.
    shares: Vec<Share>,
    rest: Vec<Rest>,
    /// Where the example of the largest share stands in `kept`.
    next: Option<usize>,
}

impl<Rest> Leaving<Rest> {
    fn new(examples: usize, least: usize, most: usize) -> Self {
        Self {
            kept: (0..examples).collect(),
            left_out: Vec::new(),
            least,
            most,
            shares: Vec::new(),
            rest: Vec::new(),
            next: None,
        }
    }

    fn number(&self) -> usize {
        self.left_out.len()
    }

    /// The largest share, from the weights of the examples that are kept; `None` without weights.
    fn largest(&mut self, weights: Vec<f64>) -> Option<Share> {
        let mut shares = ranked(weights);
        let first = shares.first().map(|share| share.example);
        for share in &mut shares {
            share.example = self.kept[share.example];
        }
        self.next = first;
        let largest = shares.first().copied();
        if self.left_out.is_empty() {
            self.shares = shares;
        }
        largest
    }

    /// Leaves out the example of the largest share: where it stood among those kept. `None` if none
    /// may or need go.
    fn leave_out(&mut self) -> Option<usize> {
        let position = self.next?;
        if self.number() == self.most || self.kept.len() <= self.least {
            return None;
        }
        self.left_out.push(self.kept.remove(position));
        Some(position)
    }

    fn ended(mut self, last: Rest) -> LeavingOut<Rest> {
        self.rest.push(last);
        self.done()
    }

    fn done(self) -> LeavingOut<Rest> {
        LeavingOut { shares: self.shares, rest: self.rest }
    }
}

/// Shares of weights, largest first; none where all are 0.
fn ranked(weights: Vec<f64>) -> Vec<Share> {
    let sum: f64 = weights.iter().sum();
    if sum <= 0.0 {
        return Vec::new();
    }
    let share = |(example, weight): (usize, f64)| Share {
        example,
        label: None,
        corrupted: false,
        share: weight / sum,
    };
    let mut shares: Vec<Share> = weights.into_iter().enumerate().map(share).collect();
    shares.sort_by(|a, b| b.share.total_cmp(&a.share).then(a.example.cmp(&b.example)));
    shares
}

#[cfg(test)]
mod tests;
