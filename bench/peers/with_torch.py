"""The operations in PyTorch."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor
from torch.func import grad, grad_and_value, jvp, vjp, vmap
from torch.nn import functional

import driver
from driver import LEARNING_RATE, RESIDUAL, THREADS, Forms, Prepare, Problem, Run, flat

Parameters = tuple[Tensor, ...]


def outputs(theta: Parameters, x: Tensor) -> Tensor:
    layers = list(zip(theta[::2], theta[1::2], strict=True))
    for index, (w, b) in enumerate(layers):
        if w.ndim == 4:
            x = functional.max_pool2d(functional.relu(functional.conv2d(x, w, b, padding=1)), 2)
        else:
            x = functional.linear(x.flatten(1), w, b)
            x = functional.relu(x) if index + 1 < len(layers) else x
    return x


def loss(theta: Parameters, x: Tensor, y: Tensor) -> Tensor:
    return ((outputs(theta, x) - y) ** 2).mean()


class Arrays:
    def __init__(self, problem: Problem, dtype: str) -> None:
        tensor = lambda a: torch.from_numpy(a.copy())
        self.x, self.y = tensor(problem.images(dtype)), tensor(problem.targets(dtype))
        self.theta = tuple(tensor(t).requires_grad_() for t in problem.theta(dtype))
        self.v = tuple(tensor(t) for t in problem.direction(dtype))

    def gradient(self) -> Parameters:
        """With its graph."""
        return torch.autograd.grad(loss(self.theta, self.x, self.y), self.theta, create_graph=True)


def numbers(parts: Parameters) -> np.ndarray:
    return flat([part.detach().numpy() for part in parts])


def product_forward(theta: Parameters, v: Parameters, x: Tensor, y: Tensor) -> Parameters:
    return jvp(lambda t: grad(loss)(t, x, y), (theta,), (v,))[1]


def product_reverse(theta: Parameters, v: Parameters, x: Tensor, y: Tensor) -> Parameters:
    return vjp(lambda t: grad(loss)(t, x, y), theta)[1](v)[0]


def product_autograd(theta: Parameters, v: Parameters, x: Tensor, y: Tensor) -> Parameters:
    theta = tuple(t.detach().requires_grad_() for t in theta)
    gradient = torch.autograd.grad(loss(theta, x, y), theta, create_graph=True)
    return torch.autograd.grad(gradient, theta, grad_outputs=v)


def second_moment(
    theta: Parameters, v: Parameters, x: Tensor, y: Tensor, chunk: int, first: Callable
) -> Parameters:
    """(1/n) Σ H_i(H_i v): in chunks, u_i = H_i v for each example, then one gradient of
    Σ_i ∇ℓ_i(θ)·u_i."""
    total = tuple(torch.zeros_like(t) for t in theta)
    for xs, ys in zip(x.split(chunk), y.split(chunk), strict=True):
        xs, ys = xs[:, None], ys[:, None]
        u = vmap(lambda xi, yi: first(theta, v, xi, yi))(xs, ys)

        def slope(t: Parameters) -> Tensor:
            each = lambda xi, yi, ui: jvp(lambda q: loss(q, xi, yi), (t,), (ui,))[1]
            return vmap(each)(xs, ys, u).sum()

        torch._foreach_add_(total, grad(slope)(theta))
    torch._foreach_div_(total, len(x))
    return total


def variance(theta: Parameters, v: Parameters, x: Tensor, y: Tensor, **form) -> Parameters:
    """mean H_i(H_i v) − H(H v)."""
    squared = product_autograd(theta, product_autograd(theta, v, x, y), x, y)
    moment = second_moment(theta, v, x, y, **form)
    return tuple(a - b for a, b in zip(moment, squared, strict=True))


def descend(theta: Parameters, x: Tensor, y: Tensor) -> Tensor:
    value = loss(theta, x, y)
    gradient = torch.autograd.grad(value, theta)
    with torch.no_grad():
        torch._foreach_add_(theta, gradient, alpha=-LEARNING_RATE)
    return value.detach()


def descend_each(theta: Parameters, x: Tensor, y: Tensor) -> Tensor:
    value = loss(theta, x, y)
    gradient = torch.autograd.grad(value, theta)
    with torch.no_grad():
        for t, g in zip(theta, gradient, strict=True):
            t.add_(g, alpha=-LEARNING_RATE)
    return value.detach()


def descend_functional(theta: Parameters, x: Tensor, y: Tensor) -> Tensor:
    """For the compiler: one graph of loss, gradient and update."""
    gradient, value = grad_and_value(loss)(theta, x, y)
    for t, g in zip(theta, gradient, strict=True):
        t.add_(g, alpha=-LEARNING_RATE)
    return value


def arpack(multiply: Callable[[np.ndarray], np.ndarray], start: np.ndarray, basis: int) -> float:
    operator = LinearOperator((start.size, start.size), matvec=multiply, dtype=start.dtype)
    return eigsh(
        operator, 1, which="LA", tol=RESIDUAL, ncv=basis, v0=start, return_eigenvectors=False
    )[0]


def operations(problem: Problem) -> Forms:
    def call(function: Callable, channels_last: bool = False) -> Prepare:
        """Of (θ, v, x, y)."""

        def prepare(dtype: str) -> Run:
            arrays, last = Arrays(problem, dtype), []
            theta = tuple(t.detach() for t in arrays.theta)
            if channels_last:
                arrays.x = arrays.x.contiguous(memory_format=torch.channels_last)

            def run() -> None:
                last[:] = function(theta, arrays.v, arrays.x, arrays.y)

            return Run(run, lambda: numbers(tuple(last)))

        return prepare

    def cached(dtype: str) -> Run:
        arrays, last = Arrays(problem, dtype), []
        gradient = arrays.gradient()

        def run() -> None:
            last[:] = torch.autograd.grad(
                gradient, arrays.theta, grad_outputs=arrays.v, retain_graph=True
            )

        return Run(run, lambda: numbers(tuple(last)))

    def training(
        step: Callable, batch: int | None, compiled: bool = False, channels_last: bool = False
    ) -> Prepare:
        def prepare(dtype: str) -> Run:
            arrays = Arrays(problem, dtype)
            x, y = arrays.x, arrays.y
            if channels_last:
                x = x.contiguous(memory_format=torch.channels_last)
            take = torch.compile(step, dynamic=False) if compiled else step
            theta = arrays.theta
            if compiled:
                theta = tuple(t.detach() for t in theta)
            rows = [] if batch is None else list(torch.from_numpy(problem.batches(batch)))

            def run() -> None:
                if batch is None:
                    take(theta, x, y)
                for at in rows:
                    take(theta, x[at], y[at])

            return Run(run, lambda: problem.moved([t.detach().numpy() for t in theta]))

        return prepare

    def largest(basis: int) -> Prepare:
        """ARPACK on products with the gradient's graph kept; making the graph is part of the run."""

        def prepare(dtype: str) -> Run:
            arrays, last = Arrays(problem, dtype), []
            start = torch.cat([t.ravel() for t in arrays.v]).numpy()
            sizes = [t.numel() for t in arrays.v]

            def run() -> None:
                gradient = arrays.gradient()

                def multiply(v: np.ndarray) -> np.ndarray:
                    parts = torch.from_numpy(v.astype(dtype, copy=False).ravel()).split(sizes)
                    along = [p.view_as(t) for p, t in zip(parts, arrays.theta, strict=True)]
                    out = torch.autograd.grad(
                        gradient, arrays.theta, grad_outputs=along, retain_graph=True
                    )
                    return torch.cat([t.ravel() for t in out]).numpy()

                last[:] = [arpack(multiply, start, basis)]

            return Run(run, lambda: np.asarray(last, np.float64))

        return prepare

    fnn = "fnn" in problem.network
    # Other chunks of the dense network, and forward mode through convolutions, lose by a factor of
    # 1.4 and more.
    ways = {"reverse": product_reverse}
    if fnn:
        ways["forward"] = product_forward
    moments = {
        f"{way}-chunk-{chunk}": {"chunk": chunk, "first": first}
        for way, first in ways.items()
        for chunk in ((8,) if fnn else (50, 250))
    }
    squares = {name: call(partial(second_moment, **form)) for name, form in moments.items()}
    products = {
        "double-backward": call(product_autograd),
    }
    steps = {
        "foreach": training(descend, None),
        "compile": training(descend_functional, None, compiled=True),
    }
    if fnn:
        products["forward-over-reverse"] = call(product_forward)
    else:
        steps["foreach-channels-last"] = training(descend, None, channels_last=True)
        products["double-backward-channels-last"] = call(product_autograd, channels_last=True)
    forms: Forms = {
        "step": steps,
        "product-cached": {"graph-kept": cached},
        "product": products,
        "second-moment-cached": squares,
        "variance-cached": {
            name: call(partial(variance, **form)) for name, form in moments.items()
        },
        "largest": {f"eigsh-basis-{basis}": largest(basis) for basis in (8, 20)},
    }
    for batch in (1, 4, 10):
        forms[f"sgd-{batch}"] = {
            "foreach": training(descend, batch),
            "for": training(descend_each, batch),
            "compile": training(descend_functional, batch, compiled=True),
        }
    return forms


if __name__ == "__main__":
    torch.set_num_threads(THREADS)
    torch.set_num_interop_threads(1)
    problem = driver.problem_of_arguments()
    driver.serve(f"PyTorch {torch.__version__}", operations(problem), problem.folder)
