//! Operators of a trained point: Hessian, Gauss-Newton, second moment, variance, Gram matrix.
