//! What can go wrong, with the facts in the variant.

/// Errors of this crate. Each text is one sentence that says what happened and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// η must be a positive finite number.
    #[error("the learning rate is {0}: give a positive, finite number")]
    LearningRate(f64),
    /// The heavy-ball coefficient must lie in [0, 1).
    #[error("the momentum is {0}: give a number from 0 up to, but not including, 1")]
    Momentum(f64),
    /// A tolerance must be a share.
    #[error("the tolerance is {0}: give a number between 0 and 1, such as 0.01 for one per cent")]
    Tolerance(f64),
    /// B = 0, of so many examples.
    #[error("the batch size is 0: give a number of examples from 1 to {0}")]
    EmptyBatch(usize),
    /// B > n.
    #[error(
        "the batch size {batch_size} is larger than the {examples} examples: give at most {examples}"
    )]
    BatchTooLarge {
        /// B.
        batch_size: usize,
        /// n.
        examples: usize,
    },
    /// So few examples: n = 1 makes p(B, n) = 0/0, and n = 0 has no H.
    #[error(
        "there are {0} examples, and the noise of a batch needs at least two: \
         with one example SGD is gradient descent, whose limit is 2/sharpness"
    )]
    TooFewExamples(usize),
    /// A slice or matrix of the wrong size.
    #[error("{what} has {found} numbers where {expected} are needed: check n, K and the rank")]
    Shape {
        /// Which argument.
        what: &'static str,
        /// What the other arguments imply.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// NaN or infinity in the input.
    #[error("{0} holds a NaN or an infinity: the run diverged, choose an earlier checkpoint")]
    NotFinite(&'static str),
    /// An example's operator is not positive semi-definite, so that it has no factor.
    #[error(
        "the Hessian of example {example} has the negative eigenvalue {value:e}: the mean-square \
         theory needs every H_i ⪰ 0, so pass its Gauss-Newton part instead"
    )]
    NegativeExample {
        /// Index of the example.
        example: usize,
        /// Its smallest eigenvalue.
        value: f64,
    },
    /// vᵀHv ≤ 0 in a direction where noise or curvature acts.
    #[error(
        "H has a direction of curvature {0:e}, not positive, that the dynamics excites: no learning \
         rate contracts there, so pass the Gauss-Newton part or a better converged minimum"
    )]
    IndefiniteHessian(f64),
    /// H = 0: a dead network, or targets that do not depend on the parameters.
    #[error("H is zero: every learning rate stays here; a dead network looks like this")]
    NoCurvature,
    /// The dense Kronecker form holds P⁴ numbers.
    #[error(
        "{parameters} parameters need a {parameters}⁴-sized matrix: the dense form stops at {limit}"
    )]
    TooLargeForKronecker {
        /// P.
        parameters: usize,
        /// Largest P accepted.
        limit: usize,
    },
    /// An index of an example that does not exist.
    #[error("example {index} does not exist: there are {examples}")]
    NoSuchExample {
        /// The index.
        index: usize,
        /// n.
        examples: usize,
    },
    /// A count that must be positive.
    #[error("{0} is zero: give at least one")]
    Zero(&'static str),
    /// No sign change up to the largest learning rate tried.
    #[error(
        "the growth exponent is still {exponent:e} at learning rate {learning_rate:e}: \
         raise the number of steps, or the rank of the factors"
    )]
    NotBracketed {
        /// Largest η tried.
        learning_rate: f64,
        /// The exponent there.
        exponent: f64,
    },
    /// An eigensolver refused its input.
    #[error(transparent)]
    Operator(#[from] minimascope_linop::Error),
}
