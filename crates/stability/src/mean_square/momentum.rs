//! The second moments of SGD with heavy-ball momentum, as the map itself: the reference for the
//! closed form of [`super::critical`], and the growth at a given learning rate.

use super::second_moment::SecondMomentMap;
use crate::dense::identity;
use crate::{Batching, Error, ExampleFactors, LearningRate, Momentum};

/// Second moments X = E xxᵀ, Y = E xvᵀ and V = E vvᵀ, r × r each, under
/// v ← βv − ηH_Bx, x ← x + v. In H's eigenbasis
///
/// - E x v'ᵀ = βY − ηXH,
/// - V' = β²V − ηβ(HY + YᵀH) + η²D(X),
/// - Y' = E x v'ᵀ + V',
/// - X' = X + E x v'ᵀ + (E x v'ᵀ)ᵀ + V'.
///
/// The map preserves the cone of positive semi-definite (X, Y; Yᵀ, V), so its spectral radius is an
/// eigenvalue. It is not symmetric. The convention is PyTorch's SGD without dampening, with the
/// learning rate inside the velocity.
pub struct MomentumMap<'a> {
    map: SecondMomentMap<'a>,
    learning_rate: f64,
    momentum: f64,
    image: Vec<f64>,
}

/// The state of [`MomentumMap`], column-major.
#[derive(Clone, Debug, PartialEq)]
pub struct JointMoments {
    /// E xxᵀ.
    pub position: Vec<f64>,
    /// E xvᵀ, not symmetric.
    pub mixed: Vec<f64>,
    /// E vvᵀ.
    pub velocity: Vec<f64>,
}

impl JointMoments {
    /// tr X + tr V.
    pub fn trace(&self) -> f64 {
        let r = (self.position.len() as f64).sqrt().round() as usize;
        let trace = |m: &[f64]| m.iter().step_by(r + 1).sum::<f64>();
        trace(&self.position) + trace(&self.velocity)
    }

    fn scale(&mut self, factor: f64) {
        for matrix in [&mut self.position, &mut self.mixed, &mut self.velocity] {
            matrix.iter_mut().for_each(|value| *value *= factor);
        }
    }
}

impl<'a> MomentumMap<'a> {
    /// The map of one step.
    pub fn new(
        factors: &'a ExampleFactors,
        noise: f64,
        learning_rate: LearningRate,
        momentum: Momentum,
    ) -> Self {
        let image = vec![0.0; factors.rank().pow(2)];
        let (learning_rate, momentum) = (learning_rate.value(), momentum.value());
        Self { map: SecondMomentMap::new(factors, noise), learning_rate, momentum, image }
    }

    /// X = I, at rest.
    pub fn start(&self) -> JointMoments {
        let r = self.map.factors().rank();
        let zero = vec![0.0; r * r];
        JointMoments { position: identity(r), mixed: zero.clone(), velocity: zero }
    }

    /// One step in place.
    pub fn step(&mut self, state: &mut JointMoments) {
        let h = self.map.factors().curvatures();
        let (eta, beta, r) = (self.learning_rate, self.momentum, h.len());
        self.map.apply(&state.position, &mut self.image);
        for b in 0..r {
            for a in 0..=b {
                let (ab, ba) = (b * r + a, a * r + b);
                let (x, y_ab, y_ba) = (state.position[ab], state.mixed[ab], state.mixed[ba]);
                let force = h[a] * y_ab + h[b] * y_ba;
                let velocity = beta * beta * state.velocity[ab] - eta * beta * force
                    + eta * eta * self.image[ab];
                let (next_ab, next_ba) =
                    (beta * y_ab - eta * x * h[b], beta * y_ba - eta * x * h[a]);
                (state.velocity[ab], state.velocity[ba]) = (velocity, velocity);
                (state.mixed[ab], state.mixed[ba]) = (next_ab + velocity, next_ba + velocity);
                let position = x + next_ab + next_ba + velocity;
                (state.position[ab], state.position[ba]) = (position, position);
            }
        }
    }
}

/// A growth factor per step from power iteration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MomentumGrowth {
    /// The spectral radius, as the geometric mean of the growth over the second half of the steps.
    pub factor: f64,
    /// Difference to the mean over the last quarter: how settled it is.
    pub drift: f64,
}

/// Spectral radius of [`MomentumMap`] by `steps` power iterations from X = I. Eigenvalues of equal
/// modulus make the growth of a step oscillate, so means over many steps are taken.
///
/// # Errors
/// [`Error::Zero`] for fewer than four steps.
pub fn momentum_growth(
    factors: &ExampleFactors,
    batching: &Batching,
    (learning_rate, momentum): (LearningRate, Momentum),
    steps: usize,
) -> Result<MomentumGrowth, Error> {
    if steps < 4 {
        return Err(Error::Zero("a quarter of the number of power iterations"));
    }
    let mut map = MomentumMap::new(factors, batching.noise(), learning_rate, momentum);
    let mut state = map.start();
    let mut logarithms = Vec::with_capacity(steps);
    for _ in 0..steps {
        let before = state.trace();
        state.scale(1.0 / before);
        map.step(&mut state);
        logarithms.push(state.trace().ln());
    }
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let factor = mean(&logarithms[steps / 2..]).exp();
    Ok(MomentumGrowth { factor, drift: mean(&logarithms[steps - steps / 4..]).exp() - factor })
}
