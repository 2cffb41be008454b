//! Products with curvature matrices. Each is a mean over the examples.

use std::ops::Range;

use rayon::prelude::*;

use crate::layers::Weights;
use crate::passes::{self, FactoredDirection, ParameterDirection, Tapes};
use crate::workspace::Workspace;
use crate::{Error, Scalar, loss};

use super::{BLOCK, Evaluator, EvaluatorSlot, FirstOrder, PassContext, Tangents, convert};

/// Which second derivative: of the loss through the network, or Gauss–Newton's J_iᵀ L_i J_i.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curvature {
    /// H_i = ∇²ℓ_i.
    Hessian,
    /// G_i = J_iᵀ L_i J_i, positive semidefinite; equal to H_i where the loss has no slope.
    GaussNewton,
}

impl<T: Scalar> PassContext<'_, T> {
    /// Ra and then Rδ (Hessian) or δ′ = J-transposed of L Rz (Gauss–Newton) along `direction`.
    fn tangent(
        &self,
        kind: Curvature,
        range: &Range<usize>,
        direction: ParameterDirection<'_, T>,
        first: &FirstOrder<T>,
        tangent: &mut Tangents<T>,
        workspace: &mut Workspace<T>,
    ) {
        let (network, rows) = (self.network, range.len());
        let chunk = self.chunk(range);
        let values = (&first.a, &first.winners[..]);
        passes::tangent(chunk, direction, values, &mut tangent.a, workspace);
        tangent.delta.fit(network, rows);
        let (output, k) = (network.output_buffer(), network.outputs());
        let z = first.a.read(network, rows, output).chunks_exact(k);
        let y = self.examples.target(range.clone()).chunks_exact(k);
        let x = tangent.a.read(network, rows, output).chunks_exact(k);
        let out = tangent.delta.write(network, rows, output).chunks_exact_mut(k);
        for (((z, y), x), out) in z.zip(y).zip(x).zip(out) {
            loss::curvature(self.loss, z, y, x, out);
        }
        match kind {
            Curvature::Hessian => {
                let Tangents { a: a_tangent, delta: delta_tangent } = tangent;
                let FirstOrder { a, winners, delta } = first;
                let tapes = Tapes { a, winners, delta, a_tangent };
                passes::tangent_backward(chunk, direction, tapes, delta_tangent, workspace);
            }
            Curvature::GaussNewton => {
                passes::backward(chunk, values, &mut tangent.delta, workspace);
            }
        }
    }

    /// sum (+)= Σ H_i v or Σ G_i v from the tapes of [`PassContext::tangent`].
    #[allow(clippy::too_many_arguments)]
    fn add_product(
        &self,
        kind: Curvature,
        range: &Range<usize>,
        first: &FirstOrder<T>,
        tangent: &Tangents<T>,
        sum: &mut [T],
        accumulate: bool,
        workspace: &mut Workspace<T>,
    ) {
        let chunk = self.chunk(range);
        let delta_tangent = &tangent.delta;
        match kind {
            Curvature::Hessian => {
                let FirstOrder { a, winners, delta } = first;
                let tapes = Tapes { a, winners, delta, a_tangent: &tangent.a };
                passes::second_gradient(chunk, tapes, delta_tangent, sum, accumulate, workspace);
            }
            Curvature::GaussNewton => {
                passes::gradient(chunk, &first.a, delta_tangent, sum, accumulate, workspace);
            }
        }
    }
}

impl<T: Scalar> Evaluator<'_, T> {
    /// out ← mean (H_i + λ) v, or with G_i. Costs one tangent pass and its backward.
    ///
    /// Vectors of every product may be of either precision `V`. The passes work in `T`: the
    /// direction is rounded to `T`, and the result is converted to `V`, which loses nothing where
    /// `V` is at least as wide.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::NoPoint`].
    pub fn product<V: Scalar>(
        &mut self,
        kind: Curvature,
        v: &[V],
        out: &mut [V],
    ) -> Result<(), Error> {
        self.set_direction(v, out.len())?;
        self.first_pass(kind, true, false);
        self.reduce(out, self.scale(), &[(self.weight_decay, &self.direction.values)]);
        Ok(())
    }

    /// out ← mean (H_i + λ)(H_i + λ) v, the second moment of the examples' Hessians (or G_i).
    /// Costs about 1.3 times [`Evaluator::product`] for fully connected networks.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::NoPoint`].
    pub fn second_moment<V: Scalar>(
        &mut self,
        kind: Curvature,
        v: &[V],
        out: &mut [V],
    ) -> Result<(), Error> {
        self.set_direction(v, out.len())?;
        let decay = self.weight_decay;
        self.first_pass(kind, decay != 0.0, self.keep_tangent);
        if decay != 0.0 {
            let mut first = std::mem::take(&mut self.first_moment);
            first.resize(self.network.parameters(), T::ZERO);
            self.reduce(&mut first, self.scale(), &[]);
            self.first_moment = first;
            self.mean.values.clear();
            let direction = self.direction.values.iter();
            self.mean.values.extend(direction.map(|v| T::from_f64(decay) * *v));
            self.network.flip(&self.mean.values, &mut self.mean.flipped);
        }
        self.second_pass(kind, decay != 0.0);
        // The slots hold Σ H_i(u_i + λv) with u_i = H_i v. The mean of (H_i + λ)(u_i + λv) is
        // mean H_i(u_i + λv) + λ mean u_i + λ²v.
        let terms = [(decay, &self.first_moment[..]), (decay * decay, &self.direction.values)];
        self.reduce(out, self.scale(), &terms);
        Ok(())
    }

    /// out ← Σv with Σ = mean (H_i − H)², as mean H_i (u_i − ū) with u_i = H_i v and ū = mean u_i:
    /// nothing cancels. Weight decay drops out. Costs what [`Evaluator::second_moment`] costs.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::NoPoint`].
    pub fn variance<V: Scalar>(&mut self, v: &[V], out: &mut [V]) -> Result<(), Error> {
        self.set_direction(v, out.len())?;
        let kind = Curvature::Hessian;
        self.first_pass(kind, true, self.keep_tangent);
        let mut mean = std::mem::take(&mut self.mean.values);
        mean.resize(self.network.parameters(), T::ZERO);
        self.reduce(&mut mean, -self.scale(), &[]);
        self.mean.values = mean;
        self.network.flip(&self.mean.values, &mut self.mean.flipped);
        self.second_pass(kind, true);
        self.reduce(out, self.scale(), &[]);
        Ok(())
    }

    /// g ← ∇f(θ), [`Evaluator::gradient`] in the caller's precision.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::NoPoint`].
    pub fn write_gradient<V: Scalar>(&self, g: &mut [V]) -> Result<(), Error> {
        self.check_product(self.gradient.len(), g.len())?;
        convert(&self.gradient, g);
        Ok(())
    }

    /// Checks the lengths of a direction and of a product, and that there is a point.
    pub(super) fn check_product(&self, direction: usize, product: usize) -> Result<(), Error> {
        let expected = self.network.parameters();
        for (what, found) in [("direction", direction), ("product", product)] {
            if found != expected {
                return Err(Error::Length { what, found, expected });
            }
        }
        self.check_point()
    }

    /// Sets the direction of the next product, whose result will have `product` numbers.
    pub(super) fn set_direction<V: Scalar>(
        &mut self,
        v: &[V],
        product: usize,
    ) -> Result<(), Error> {
        self.check_product(v.len(), product)?;
        let direction = &mut self.direction;
        direction.values.resize(v.len(), T::ZERO);
        self.execution.run(|| {
            let blocks = direction.values.par_chunks_mut(BLOCK).zip(v.par_chunks(BLOCK));
            blocks.for_each(|(to, from)| convert(from, to));
        });
        self.network.flip(&direction.values, &mut direction.flipped);
        Ok(())
    }

    /// u_i = H_i v for every example: tangents along the shared direction, kept if `keep`, and
    /// Σ u_i in the slots' sums if `sum_up`.
    fn first_pass(&mut self, kind: Curvature, sum_up: bool, keep: bool) {
        let direction = std::mem::take(&mut self.direction);
        let keep_first = self.keep_first;
        self.for_slots(|context, slot| {
            let along = ParameterDirection { shared: Some(direction.weights()), own: None };
            let EvaluatorSlot { chunks, sum, work, .. } = slot;
            if !sum_up && !keep {
                return; // the second pass computes it again
            }
            for (index, kept) in chunks.iter_mut().enumerate() {
                let first = recompute(
                    context,
                    keep_first,
                    (&kept.range, &kept.first),
                    &mut work.first,
                    &mut work.workspace,
                );
                let tangent = if keep { &mut kept.tangent } else { &mut work.tangent };
                let range = &kept.range;
                context.tangent(kind, range, along, first, tangent, &mut work.workspace);
                if sum_up {
                    let workspace = &mut work.workspace;
                    context.add_product(kind, range, first, tangent, sum, index > 0, workspace);
                }
            }
        });
        self.direction = direction;
    }

    /// Σ H_i (u_i + m) in the slots' sums, with m = `self.mean` if `shifted`, else 0.
    fn second_pass(&mut self, kind: Curvature, shifted: bool) {
        let direction = std::mem::take(&mut self.direction);
        let mean = std::mem::take(&mut self.mean);
        let (keep_first, keep_tangent) = (self.keep_first, self.keep_tangent);
        self.for_slots(|context, slot| {
            let along = ParameterDirection { shared: Some(direction.weights()), own: None };
            let shared: Option<Weights<'_, T>> = shifted.then(|| mean.weights());
            let EvaluatorSlot { chunks, sum, work, .. } = slot;
            for (index, kept) in chunks.iter_mut().enumerate() {
                let range = &kept.range;
                let stored = (range, &kept.first);
                let first =
                    recompute(context, keep_first, stored, &mut work.first, &mut work.workspace);
                let tangent = if keep_tangent {
                    &kept.tangent
                } else {
                    let tangent = &mut work.tangent;
                    context.tangent(kind, range, along, first, tangent, &mut work.workspace);
                    &work.tangent
                };
                let second = match kind {
                    Curvature::Hessian => Some((&first.delta, &tangent.a)),
                    Curvature::GaussNewton => None,
                };
                let factors = FactoredDirection { delta: &tangent.delta, a: &first.a, second };
                let own = ParameterDirection { shared, own: Some(factors) };
                let again = &mut work.again;
                context.tangent(kind, range, own, first, again, &mut work.workspace);
                let workspace = &mut work.workspace;
                context.add_product(kind, range, first, again, sum, index > 0, workspace);
            }
        });
        self.direction = direction;
        self.mean = mean;
    }
}

/// The first-order tapes of a chunk: kept, or computed again into `work`.
pub(super) fn recompute<'t, T: Scalar>(
    context: PassContext<'_, T>,
    keep: bool,
    (range, stored): (&Range<usize>, &'t FirstOrder<T>),
    work: &'t mut FirstOrder<T>,
    workspace: &mut Workspace<T>,
) -> &'t FirstOrder<T> {
    if keep {
        return stored;
    }
    context.first(range, work, workspace, true);
    work
}
