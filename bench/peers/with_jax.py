"""The operations in JAX."""

import os

# Before JAX starts. XLA has as many threads as this process may use processors, which
# `compare.py` has limited.
os.environ["JAX_PLATFORMS"] = "cpu"

from collections.abc import Callable
from dataclasses import dataclass
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


def convolution(x: jax.Array, w: jax.Array) -> jax.Array:
    return jax.lax.conv_general_dilated(
        x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def patches(x: jax.Array, w: jax.Array) -> jax.Array:
    """The convolution as one product of matrices."""
    n, height, width, channels = x.shape
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    cells = [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return jnp.concatenate(cells, axis=-1) @ w.reshape(9 * channels, -1)


def pool_slices(x: jax.Array) -> jax.Array:
    rows = jnp.maximum(x[:, ::2], x[:, 1::2])
    return jnp.maximum(rows[:, :, ::2], rows[:, :, 1::2])


def pool_reshape(x: jax.Array) -> jax.Array:
    n, height, width, channels = x.shape
    return x.reshape(n, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))


@dataclass(frozen=True)
class Network:
    """The objective and its derivatives, with a way to convolve and one to pool.

    Weights lie as x @ w wants them: inputs × outputs, height × width × inputs × outputs."""

    convolve: Callable = convolution
    pool: Callable = pool_slices

    def outputs(self, theta: Parameters, x: jax.Array) -> jax.Array:
        layers = list(zip(theta[::2], theta[1::2], strict=True))
        for index, (w, b) in enumerate(layers):
            if w.ndim == 4:
                x = self.pool(jax.nn.relu(self.convolve(x, w) + b))
            else:
                x = x.reshape(x.shape[0], -1) @ w + b
                x = jax.nn.relu(x) if index + 1 < len(layers) else x
        return x

    def loss(self, theta: Parameters, x: jax.Array, y: jax.Array) -> jax.Array:
        return jnp.mean((self.outputs(theta, x) - y) ** 2)

    def descend(
        self, theta: Parameters, x: jax.Array, y: jax.Array
    ) -> tuple[Parameters, jax.Array]:
        value, gradient = jax.value_and_grad(self.loss)(theta, x, y)
        return jax.tree.map(lambda t, g: t - LEARNING_RATE * g, theta, gradient), value

    def forward(self, theta: Parameters, v: Parameters, x: jax.Array, y: jax.Array) -> Parameters:
        """Hv, forward over reverse."""
        return jax.jvp(lambda t: jax.grad(self.loss)(t, x, y), (theta,), (v,))[1]

    def reverse(self, theta: Parameters, v: Parameters, x: jax.Array, y: jax.Array) -> Parameters:
        """Hv, reverse over reverse."""
        return jax.vjp(lambda t: jax.grad(self.loss)(t, x, y), theta)[1](v)[0]

    def linearized(self, theta: Parameters, x: jax.Array, y: jax.Array) -> Callable:
        """v → Hv with everything that does not depend on v computed."""
        return jax.linearize(lambda t: jax.grad(self.loss)(t, x, y), theta)[1]

    def second_moment(
        self, theta: Parameters, v: Parameters, x: jax.Array, y: jax.Array, *, way: str, chunk: int
    ) -> Parameters:
        """(1/n) Σ H_i(H_i v): in chunks, u_i = H_i v for each example, then one gradient of
        Σ_i ∇ℓ_i(θ)·u_i."""
        n, first = x.shape[0], getattr(self, way)

        def part(total: Parameters, batch: tuple[jax.Array, jax.Array]) -> tuple[Parameters, None]:
            xs, ys = (a[:, None] for a in batch)
            u = jax.vmap(lambda xi, yi: first(theta, v, xi, yi))(xs, ys)

            def slope(t: Parameters) -> jax.Array:
                each = lambda xi, yi, ui: jax.jvp(lambda q: self.loss(q, xi, yi), (t,), (ui,))[1]
                return jnp.sum(jax.vmap(each)(xs, ys, u))

            return jax.tree.map(jnp.add, total, jax.grad(slope)(theta)), None

        batches = tuple(a.reshape(n // chunk, chunk, *a.shape[1:]) for a in (x, y))
        total, _ = jax.lax.scan(part, jax.tree.map(jnp.zeros_like, theta), batches)
        return jax.tree.map(lambda t: t / n, total)

    def variance(
        self, theta: Parameters, v: Parameters, x: jax.Array, y: jax.Array, *, way: str, chunk: int
    ) -> Parameters:
        """mean H_i(H_i v) − H(H v)."""
        squared = self.forward(theta, self.forward(theta, v, x, y), x, y)
        moment = self.second_moment(theta, v, x, y, way=way, chunk=chunk)
        return jax.tree.map(jnp.subtract, moment, squared)


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

    def cached(network: Network) -> Prepare:
        def prepare(dtype: str) -> Run:
            arrays, last = Arrays(problem, dtype), []
            linear = jax.jit(network.linearized)(arrays.theta, arrays.x, arrays.y)
            compiled = jax.jit(lambda linear, v: linear(v))

            def run() -> None:
                last[:] = [jax.block_until_ready(compiled(linear, arrays.v))]

            return Run(run, lambda: flat([to_torch(t) for t in last[0]]))

        return prepare

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
            at_point = jax.jit(Network().linearized)
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

    if "fnn" in problem.network:
        networks = {"": Network()}
        ways, chunks = ("forward", "reverse"), (8, 25)
        moments = {"": Network()}
    else:
        networks = {
            "-convolution": Network(),
            "-convolution-reshape": Network(pool=pool_reshape),
            "-patches": Network(convolve=patches),
        }
        # Under vmap, filters that differ for each example make grouped convolutions, for which the
        # race of forms took minutes; patches make batched products.
        ways, chunks = ("forward",), (8, 50)
        moments = {"-patches": networks["-patches"]}

    def vectorised(function: str) -> dict[str, Prepare]:
        return {
            f"{way}-chunk-{chunk}{name}": call(
                partial(getattr(network, function), way=way, chunk=chunk)
            )
            for name, network in moments.items()
            for way in ways
            for chunk in chunks
        }

    products = {f"forward{name}": call(network.forward) for name, network in networks.items()}
    products |= {f"reverse{name}": call(network.reverse) for name, network in moments.items()}
    forms: Forms = {
        "step": {
            f"jit{name}": training(network.descend, batch=None)
            for name, network in networks.items()
        },
        "product-cached": {
            f"linearize{name}": cached(network) for name, network in networks.items()
        },
        "product": products,
        "second-moment-cached": vectorised("second_moment"),
        "variance-cached": vectorised("variance"),
        "largest": {f"eigsh-basis-{basis}": largest(basis) for basis in (8, 14, 20)},
    }
    for batch in (1, 4, 10):
        forms[f"sgd-{batch}"] = {
            f"{kind}{name}": training(network.descend, batch=batch, scan=kind == "scan")
            for name, network in networks.items()
            if name != "-convolution-reshape"
            for kind in ("scan", "loop")
        }
    return forms


if __name__ == "__main__":
    problem = driver.problem_of_arguments()
    driver.serve(f"JAX {jax.__version__}", operations(problem), problem.folder)
