"""λ_max(H) and Hv by curvlinops, on PyTorch."""

from importlib.metadata import version

import numpy as np
import torch
from curvlinops import HessianLinearOperator
from scipy.sparse.linalg import eigsh
from torch import nn

import driver
from driver import RESIDUAL, THREADS, Forms, Prepare, Problem, Run
from network import module


def operations(problem: Problem) -> Forms:
    def prepared(dtype: str) -> tuple[HessianLinearOperator, np.ndarray]:
        model, x, y = module(problem, dtype)
        parameters = [p for p in model.parameters()]
        operator = HessianLinearOperator(
            model, nn.MSELoss(), parameters, [(x, y)], check_deterministic=False
        )
        return operator, np.concatenate([v.ravel() for v in problem.direction(dtype)])

    def product(dtype: str) -> Run:
        operator, v = prepared(dtype)
        v, last = torch.from_numpy(v), []

        def run() -> None:
            last[:] = [operator @ v]

        return Run(run, lambda: last[0].detach().numpy().astype(np.float64))

    def largest(basis: int) -> Prepare:
        def prepare(dtype: str) -> Run:
            operator, v = prepared(dtype)
            scipy_operator, last = operator.to_scipy(), []

            def run() -> None:
                last[:] = eigsh(
                    scipy_operator, 1, which="LA", tol=RESIDUAL, ncv=basis, v0=v,
                    return_eigenvectors=False,
                )

            return Run(run, lambda: np.asarray(last, np.float64))

        return prepare

    return {
        "product": {"HessianLinearOperator": product},
        "largest": {f"eigsh-basis-{basis}": largest(basis) for basis in (8, 20)},
    }


if __name__ == "__main__":
    torch.set_num_threads(THREADS)
    problem = driver.problem_of_arguments()
    driver.serve(
        f"curvlinops {version('curvlinops-for-pytorch')}", operations(problem), problem.folder
    )
