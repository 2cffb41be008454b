"""The operations in JAX."""

import os

# Before JAX starts. XLA has as many threads as this process may use processors, which
# `compare.py` has limited.
os.environ["JAX_PLATFORMS"] = "cpu"

from collections.abc import Callable
from functools import partial

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh

import driver
from driver import LEARNING_RATE, RESIDUAL, Forms, Prepare, Problem, Run, flat

jax.config.update("jax_enable_x64", True)

Parameters = list[jax.Array]


def outputs(theta: Parameters, x: jax.Array) -> jax.Array:
    """Weights as x @ w wants them (inputs × outputs; height × width × inputs × outputs)."""
    layers = list(zip(theta[::2], theta[1::2], strict=True))
    for index, (w, b) in enumerate(layers):
        if w.ndim == 4:
            x = jax.lax.conv_general_dilated(
                x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
            )
            x = jax.nn.relu(x + b)
            n, height, width, channels = x.shape
            x = x.reshape(n, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))
        else:
            x = x.reshape(x.shape[0], -1) @ w + b
            x = jax.nn.relu(x) if index + 1 < len(layers) else x
    return x


def loss(theta: Parameters, x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.mean((outputs(theta, x) - y) ** 2)


def add(a: Parameters, b: Parameters) -> Parameters:
    return jax.tree.map(jnp.add, a, b)


def descend(theta: Parameters, x: jax.Array, y: jax.Array) -> tuple[Parameters, jax.Array]:
    value, gradient = jax.value_and_grad(loss)(theta, x, y)
    return jax.tree.map(lambda t, g: t - LEARNING_RATE * g, theta, gradient), value


def product(theta: Parameters, v: Parameters, x: jax.Array, y: jax.Array) -> Parameters:
    return jax.jvp(lambda t: jax.grad(loss)(t, x, y), (theta,), (v,))[1]


def product_reverse(theta: Parameters, v: Parameters, x: jax.Array, y: jax.Array) -> Parameters:
    return jax.vjp(lambda t: jax.grad(loss)(t, x, y), theta)[1](v)[0]


def linearized(theta: Parameters, x: jax.Array, y: jax.Array) -> Callable:
    """v → Hv with everything that does not depend on v computed."""
    return jax.linearize(lambda t: jax.grad(loss)(t, x, y), theta)[1]


def second_moment(
    theta: Parameters, v: Parameters, x: jax.Array, y: jax.Array, chunk: int, first: Callable
) -> Parameters:
    """(1/n) Σ H_i(H_i v): in chunks, u_i = H_i v for each example, then one gradient of
    Σ_i ∇ℓ_i(θ)·u_i."""
    n = x.shape[0]

    def part(total: Parameters, batch: tuple[jax.Array, jax.Array]) -> tuple[Parameters, None]:
        xs, ys = (a[:, None] for a in batch)
        u = jax.vmap(lambda xi, yi: first(theta, v, xi, yi))(xs, ys)

        def slope(t: Parameters) -> jax.Array:
            each = lambda xi, yi, ui: jax.jvp(lambda q: loss(q, xi, yi), (t,), (ui,))[1]
            return jnp.sum(jax.vmap(each)(xs, ys, u))

        return add(total, jax.grad(slope)(theta)), None

    batches = tuple(a.reshape(n // chunk, chunk, *a.shape[1:]) for a in (x, y))
    total, _ = jax.lax.scan(part, jax.tree.map(jnp.zeros_like, theta), batches)
    return jax.tree.map(lambda t: t / n, total)


def variance(theta: Parameters, v: Parameters, x: jax.Array, y: jax.Array, **form) -> Parameters:
    """mean H_i(H_i v) − H(H v)."""
    squared = product(theta, product(theta, v, x, y), x, y)
    return jax.tree.map(jnp.subtract, second_moment(theta, v, x, y, **form), squared)


class Arrays:
    """The problem on the device."""

    def __init__(self, problem: Problem, dtype: str) -> None:
        images = problem.images(dtype)
        self.x = jnp.asarray(images.transpose(0, 2, 3, 1) if images.ndim == 4 else images)
        self.y = jnp.asarray(problem.targets(dtype))
        self.theta = [jnp.asarray(to_jax(t)) for t in problem.theta(dtype)]
        self.v = [jnp.asarray(to_jax(t)) for t in problem.direction(dtype)]


def to_jax(t: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(t.transpose(2, 3, 1, 0)) if t.ndim == 4 else t.T


def to_torch(t: jax.Array) -> np.ndarray:
    return np.asarray(t).transpose(3, 2, 0, 1) if t.ndim == 4 else np.asarray(t).T


def operations(problem: Problem) -> Forms:
    def call(function: Callable) -> Prepare:
        """Of (θ, v, x, y), all on the device."""

        def prepare(dtype: str) -> Run:
            arrays, compiled, last = Arrays(problem, dtype), jax.jit(function), []

            def run() -> None:
                out = compiled(arrays.theta, arrays.v, arrays.x, arrays.y)
                last[:] = [jax.block_until_ready(out)]

            return Run(run, lambda: flat([to_torch(t) for t in last[0]]))

        return prepare

    def cached(dtype: str) -> Run:
        arrays, last = Arrays(problem, dtype), []
        linear = jax.jit(linearized)(arrays.theta, arrays.x, arrays.y)
        compiled = jax.jit(lambda linear, v: linear(v))

        def run() -> None:
            last[:] = [jax.block_until_ready(compiled(linear, arrays.v))]

        return Run(run, lambda: flat([to_torch(t) for t in last[0]]))

    def training(step: Callable, *, batch: int | None, scan: bool = True) -> Prepare:
        """One step on all examples, or the steps of the file of batches."""

        def prepare(dtype: str) -> Run:
            arrays = Arrays(problem, dtype)
            state = [arrays.theta]
            if batch is None:
                compiled = jax.jit(step, donate_argnums=0)

                def run() -> None:
                    state[0], value = compiled(state[0], arrays.x, arrays.y)
                    jax.block_until_ready((state[0], value))

            else:
                indices = jnp.asarray(problem.batches(batch))

                def one(theta: Parameters, x: jax.Array, y: jax.Array, at: jax.Array):
                    return step(theta, x[at], y[at])

                if scan:
                    whole = lambda theta, x, y, at: jax.lax.scan(
                        lambda t, i: one(t, x, y, i), theta, at
                    )
                    compiled = jax.jit(whole, donate_argnums=0)

                    def run() -> None:
                        state[0], values = compiled(state[0], arrays.x, arrays.y, indices)
                        jax.block_until_ready((state[0], values))

                else:
                    compiled, rows = jax.jit(one, donate_argnums=0), list(indices)

                    def run() -> None:
                        for at in rows:
                            state[0], _ = compiled(state[0], arrays.x, arrays.y, at)
                        jax.block_until_ready(state[0])

            return Run(run, lambda: problem.moved([to_torch(t) for t in state[0]]))

        return prepare

    def largest(basis: int) -> Prepare:
        """ARPACK on the linearised gradient; the forward and backward pass is part of the run."""

        def prepare(dtype: str) -> Run:
            arrays, last = Arrays(problem, dtype), []
            start, restore = jax.flatten_util.ravel_pytree(arrays.v)
            at_point = jax.jit(linearized)
            multiply = jax.jit(
                lambda linear, v: jax.flatten_util.ravel_pytree(linear(restore(v)))[0]
            )

            def run() -> None:
                linear = at_point(arrays.theta, arrays.x, arrays.y)
                operator = LinearOperator(
                    (start.size, start.size),
                    matvec=lambda v: np.asarray(multiply(linear, v.astype(dtype))),
                    dtype=dtype,
                )
                v0 = np.asarray(start)
                last[:] = eigsh(
                    operator, 1, which="LA", tol=RESIDUAL, ncv=basis, v0=v0,
                    return_eigenvectors=False,
                )

            return Run(run, lambda: np.asarray(last, np.float64))

        return prepare

    ways = {"forward": product, "reverse": product_reverse}
    chunks = (8, 25) if "fnn" in problem.network else (8, 50, 250)
    moments = {
        f"vmap-{way}-chunk-{chunk}": {"chunk": chunk, "first": first}
        for way, first in ways.items()
        for chunk in chunks
    }
    squares = {name: call(partial(second_moment, **form)) for name, form in moments.items()}
    forms: Forms = {
        "step": {"jit": training(descend, batch=None)},
        "product-cached": {"linearize": cached},
        "product": {"forward-over-reverse": call(product), "reverse": call(product_reverse)},
        "second-moment-cached": squares,
        "second-moment": squares,
        "variance-cached": {
            name: call(partial(variance, **form)) for name, form in moments.items()
        },
        "largest": {f"eigsh-basis-{basis}": largest(basis) for basis in (8, 14, 20)},
    }
    for batch in (1, 4, 10):
        forms[f"sgd-{batch}"] = {
            "scan": training(descend, batch=batch),
            "loop": training(descend, batch=batch, scan=False),
        }
    return forms


if __name__ == "__main__":
    problem = driver.problem_of_arguments()
    driver.serve(f"JAX {jax.__version__}", operations(problem), problem.folder)
