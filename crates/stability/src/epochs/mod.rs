//! SGD that takes every example once in an epoch: the critical learning rate of the scheme that training
//! code uses.
//!
//! **The map.** In the order π an epoch multiplies x − x* by A_π = Π_k (I − ηH_{B_k}), the first batch
//! first; the last batch may be smaller, and is the mean of its own examples. With a fresh order for each
//! epoch the second moment S = E xxᵀ follows
//!
//! T(S) = E_π\[A_π S A_πᵀ\],
//!
//! which keeps the cone S ⪰ 0. So its spectral radius ρ is an eigenvalue with S ⪰ 0 (Krein–Rutman), and
//! the mean square stays bounded where ρ < 1. The threshold is the first η > 0 at which ρ = 1 and above
//! which it grows.
//!
//! **Self-adjoint.** The transpose of A_π is the product in the reverse order. Where B divides n, an order
//! and its reverse are equally likely, so that T is self-adjoint in tr ST, and for every S = LLᵀ that
//! does not depend on π
//!
//! ⟨S, T(S)⟩/⟨S, S⟩ = E_π ‖LᵀA_πL‖² / ‖LᵀL‖² ≤ ρ,
//!
//! off by the square of the error of S. Elsewhere the reverse order has another T, whose S′ is the left
//! eigenvector: the quotient is ‖L′ᵀA_πL‖²/‖L′ᵀL‖², off by the product of both errors.
//! With momentum a state is (x, v), and a step is self-adjoint in the form
//! (1−β) x·x′ + β(x·v′ + v·x′) − β v·v′, whatever its batch ([`moment`]); nothing else changes, but that the
//! quotient is no lower bound.
//!
//! **Computation** ([`mod@critical`]). S is kept as LLᵀ of few columns, found by power steps over M orders; the
//! quotient is then the mean over M fresh orders, which are independent of S, with the standard error of a
//! mean. S's own error, of the order of 1/√M, lowers ρ by 1/M. M doubles until the standard error of the
//! threshold meets its tolerance. A_πL costs 2·nK·r·c multiply–adds as matrix products ([`product`]). Where
//! there are few different orders all of them are taken.
//!
//! **One order for all epochs** ([`single_order`]): nothing is random, and ρ(A_π) is an eigenvalue of a matrix
//! that is not symmetric.

pub mod critical;
pub mod moment;
pub mod period;
pub mod product;
#[cfg(test)]
pub(crate) mod reference;
pub mod single_order;
