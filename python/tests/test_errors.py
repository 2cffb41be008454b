"""Exceptions of a point come back as they are; bad input is one sentence that says what to do."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minimascope as ms
from conftest import NumpyPoint, numpy_point


class Fails(NumpyPoint):
    """Raises one exception object from the given method on."""

    def __init__(self, method: str, error: BaseException, **sizes: int) -> None:
        plain = numpy_point(**sizes)
        super().__init__(plain.jacobians, plain.targets, plain.at)
        self.method, self.error = method, error

    def __getattribute__(self, name: str) -> Any:
        if name not in ("method", "error", "__dict__") and self.__dict__.get("method") == name:

            def fail(*_: object) -> None:
                raise self.error

            return fail
        return super().__getattribute__(name)


METHODS = ["cost", "facts", "product", "factor_transposed", "factor_product", "at_units", "unit_losses"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt, MemoryError])
def test_an_exception_of_a_point_is_the_same_object(
    method: str, kind: type[BaseException]
) -> None:
    error = kind("the framework refused")
    with pytest.raises(kind) as caught:
        ms.stability(Fails(method, error), batch_size=2, learning_rate=0.1, quick=True)
    assert caught.value is error


def test_an_exception_in_a_part_of_a_point_is_the_same_object() -> None:
    error = RuntimeError("of a single unit")

    class Part(NumpyPoint):
        def at_units(self, units: Any) -> NumpyPoint:
            return Fails("product", error)

    plain = numpy_point()
    with pytest.raises(RuntimeError) as caught:
        ms.stability(Part(plain.jacobians, plain.targets, plain.at), batch_size=2, quick=True)
    assert caught.value is error


def test_an_exception_of_progress_is_the_same_object() -> None:
    error = RuntimeError("no more")

    def told(*_: object) -> None:
        raise error

    with pytest.raises(RuntimeError) as caught:
        ms.measure(numpy_point(), progress=told)
    assert caught.value is error


def test_a_point_can_be_asked_again_after_an_exception() -> None:
    dense = ms.DensePoint(numpy_point().hessians)
    with pytest.raises(RuntimeError):
        ms.measure(dense, progress=_refuse)
    assert ms.measure(dense).sharpness is not None


def _refuse(*_: object) -> None:
    raise RuntimeError("no more")


class Returns(NumpyPoint):
    """Returns something of the caller's from `product`."""

    value: Any = None

    def product(self, matrix: ms.Matrix, x: ms.Array) -> ms.Array:
        return self.value  # type: ignore[no-any-return]


def returning(value: Any) -> Returns:
    plain = numpy_point()
    point = Returns(plain.jacobians, plain.targets, plain.at)
    point.value = value
    return point


def with_attribute(name: str, value: object) -> NumpyPoint:
    point = numpy_point()
    setattr(point, name, value)
    return point


DENSE = numpy_point().hessians
LINEAR: dict[str, Any] = {
    "input": {"channels": 4, "height": 1, "width": 1},
    "layers": [{"kind": "linear", "outputs": 3}],
}
PARAMETERS = {"0.weight": np.zeros((3, 4)), "0.bias": np.zeros(3)}


def network(**changes: Any) -> ms.Network:
    given: dict[str, Any] = {
        "architecture": LINEAR,
        "loss": "mean-squared-error",
        "inputs": np.ones((5, 4)),
        "targets": np.zeros(5, dtype=int),
        "parameters": PARAMETERS,
    }
    return ms.Network(**{**given, **changes})


def eye(size: int) -> ms.Array:
    return np.eye(size)


BAD: list[tuple[str, Callable[[], object], str]] = [
    ("a short product", lambda: ms.measure(returning(np.zeros(3))), "Returns.product returned 3 numbers: return a numpy array of 9"),
    ("a product that is a text", lambda: ms.measure(returning("x")), "returned a str"),
    ("no product", lambda: ms.measure(returning(None)), "returned"),
    ("NaN in a product", lambda: ms.stability(returning(np.full(9, math.nan)), batch_size=2), "gave NaN at entry 0"),
    ("a precision of 16 bits", lambda: ms.measure(with_attribute("precision", "f16")), 'NumpyPoint.precision is \'f16\': give "f32" or "f64"'),
    ("no parameters", lambda: ms.measure(with_attribute("parameters", 0)), "NumpyPoint.parameters is 0: give a whole number from 1"),
    ("a number as a point", lambda: ms.measure(3), "a int is no trained point"),  # type: ignore[arg-type]
    ("a function without a size", lambda: ms.measure(lambda x: x), "give parameters="),
    ("operators of two sizes", lambda: ms.measure(eye(3), second_moment=eye(4)), "3 and 4 parameters: give equal sizes"),
    ("an operator that is not square", lambda: ms.measure(np.ones((3, 4))), "shape (3, 4): give a square one"),
    ("a verdict of an operator", lambda: ms.stability(eye(3), batch_size=1), "operators have none"),  # type: ignore[arg-type]
    ("a negative number of eigenvalues", lambda: ms.measure(numpy_point(), top=-1), "top = -1: give a number from 0"),
    ("a tolerance of 2", lambda: ms.measure(numpy_point(), tolerance=2.0), "tolerance = 2: give a number between 0 and 1"),
    ("no products", lambda: ms.measure(numpy_point(), max_products=0), "max_products = 0"),
    ("one product", lambda: ms.measure(numpy_point(), max_products=1), "max_products is 1"),
    ("a batch larger than n", lambda: ms.stability(numpy_point(), batch_size=13), "batch size 13 is larger than the 12 examples"),
    ("an empty batch", lambda: ms.stability(numpy_point(), batch_size=0), "batch size is 0"),
    ("half a batch", lambda: ms.stability(numpy_point(), batch_size=2.5), "batch_size = 2.5: give a whole number"),  # type: ignore[arg-type]
    ("a negative learning rate", lambda: ms.stability(numpy_point(), learning_rate=-1.0), "learning rate is -1"),
    ("a learning rate that is a text", lambda: ms.stability(numpy_point(), learning_rate="fast"), "learning_rate = 'fast': give a number"),  # type: ignore[arg-type]
    ("an infinite learning rate", lambda: ms.stability(numpy_point(), learning_rate=math.inf), "learning_rate = inf: give a finite number"),
    ("a momentum of 1", lambda: ms.stability(numpy_point(), batch_size=1, momentum=1.0), "momentum is 1"),
    ("an unknown sampling scheme", lambda: ms.stability(numpy_point(), batch_size=1, sampling="shuffled"), "unknown variant `shuffled`"),  # type: ignore[arg-type]
    ("one unit", lambda: ms.stability(numpy_point(units=1), batch_size=1), "at least two"),
    ("too little memory in words", lambda: ms.stability(numpy_point(), batch_size=1, memory="much"), "memory = 'much'"),
    ("Hessians that are no stack", lambda: ms.DensePoint(np.eye(3)), "hessians has shape (3, 3): give (n, P, P)"),
    ("Hessians that are not symmetric", lambda: ms.DensePoint(np.arange(8.0).reshape(2, 2, 2)), "is not symmetric"),
    ("NaN in Hessians", lambda: ms.DensePoint(np.full((2, 2, 2), math.nan)), "NaN"),
    ("another x", lambda: ms.DensePoint(DENSE, at=np.ones(3)), "at has shape (3,): give (9,)"),
    ("a matrix that is none", lambda: ms.DensePoint(DENSE).product("fisher", np.ones(9)), "\"fisher\" is no matrix: give one of hessian"),  # type: ignore[arg-type]
    ("a short vector", lambda: ms.DensePoint(DENSE).product("hessian", np.ones(3)), "x has 3 numbers: give 9"),
    ("a unit beyond n", lambda: ms.DensePoint(DENSE).at_units([12]), "there is no unit 12"),
    ("no units", lambda: ms.DensePoint(DENSE).at_units([]), "give at least one unit"),
    ("an unknown network", lambda: network(architecture="vgg"), "there is no network \"vgg\": the presets are fashion-mnist-fnn"),
    ("TOML that is none", lambda: network(architecture="layers = ["), "architecture is no TOML: "),
    ("an unknown layer", lambda: network(architecture={**LINEAR, "layers": [{"kind": "lstm"}]}), "architecture: unknown variant `lstm`"),
    ("an unknown loss", lambda: network(loss="hinge"), "loss = \"hinge\""),
    ("an unknown precision", lambda: network(precision="f16"), "precision = \"f16\""),
    ("inputs of another shape", lambda: network(inputs=np.ones((5, 7))), "inputs has shape (5, 7): give (n, 4, 1, 1) or (n, 4)"),
    ("NaN in the inputs", lambda: network(inputs=np.full((5, 4), math.nan)), "inputs holds a number that is not finite"),
    ("fewer targets", lambda: network(targets=np.zeros(4, dtype=int)), "there are 4 targets for 5 inputs"),
    ("a class without an output", lambda: network(targets=np.full(5, 3)), "targets hold the class 3: the network has classes 0 to 2"),
    ("targets of another shape", lambda: network(targets=np.zeros((5, 2))), "targets has shape (5, 2): give (5, 3)"),
    ("a parameter that is missing", lambda: network(parameters={"0.weight": np.zeros((3, 4))}), "parameters: 0.bias missing"),
    ("a parameter too many", lambda: network(parameters={**PARAMETERS, "1.weight": np.zeros(1)}), "1.weight not in the network"),
    ("a parameter of another shape", lambda: network(parameters={**PARAMETERS, "0.bias": np.zeros(4)}), "parameter 0.bias has shape (4,): the network has (3,)"),
    ("a parameter that is NaN", lambda: network(parameters={**PARAMETERS, "0.bias": np.full(3, math.nan)}), "was it trained?"),
    ("too few parameters", lambda: network(parameters=np.zeros(3)), "3 parameters where the network has 15"),
    ("weight decay below 0", lambda: network(weight_decay=-1.0), "weight_decay = -1.0"),
    ("no threads", lambda: network(threads=0), "threads = 0: give a number from 1"),
    ("memory for nothing", lambda: network(memory=100), "a memory budget of 100 bytes is too small"),
    ("factors of a vector", lambda: ms.Factors.from_rows(np.ones(3)), "rows has shape (3,)"),
    ("a Gram matrix of half a unit", lambda: ms.Factors.from_gram(np.eye(5), outputs=2), "no whole number of units"),
    ("a negative Hessian", lambda: ms.Factors.from_hessians(-np.ones((2, 1, 1))), "negative eigenvalue"),
    ("no curvature", lambda: ms.Factors.from_rows(np.zeros((3, 2))), "H is zero"),
    ("thresholds of an array", lambda: ms.thresholds(np.eye(2), batch_size=1), "a ndarray is no Factors"),  # type: ignore[arg-type]
    ("an unknown preset", lambda: ms.run("mnist"), "run presets are"),
    ("an unknown key", lambda: ms.run("fashion-mnist-fnn", settings={"train.rate": 1}), "unknown key train.rate"),
    ("a setting that is a set", lambda: ms.run("fashion-mnist-fnn", settings={"train.seed": {1}}), "train.seed = {1}"),
    ("resume and force", lambda: ms.run("fashion-mnist-fnn", resume=True, force=True), "exclude each other"),
    ("no run", lambda: ms.open("nowhere"), "nowhere"),
]


@pytest.mark.parametrize("make, said", [(make, said) for _, make, said in BAD], ids=[name for name, *_ in BAD])
def test_bad_input_is_one_sentence(make: Callable[[], object], said: str) -> None:
    with pytest.raises(ms.InputError) as caught:
        make()
    text = str(caught.value)
    assert said in text, text
    assert "\n" not in text and "panicked" not in text
    assert isinstance(caught.value, ValueError) and isinstance(caught.value, ms.Error)
