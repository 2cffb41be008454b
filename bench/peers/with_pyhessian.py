"""λ_max(H) by PyHessian's power iteration, on PyTorch."""

from importlib.metadata import version

import numpy as np
import torch
from pyhessian import hessian
from torch import nn

import driver
from driver import THREADS, Forms, Prepare, Problem, Run
from network import module


def operations(problem: Problem) -> Forms:
    def largest(tolerance: float) -> Prepare:
        """It stops when the eigenvalue has changed by less than `tolerance` in one product, which
        is no residual: the default, 1e-3, ends early."""

        def prepare(dtype: str) -> Run:
            torch.set_default_dtype(getattr(torch, dtype))  # of its random start
            model, x, y = module(problem, dtype)
            last: list[float] = []

            def run() -> None:
                torch.manual_seed(1)
                model.zero_grad(set_to_none=True)
                operator = hessian(model, nn.MSELoss(), data=(x, y), cuda=False)
                last[:] = operator.eigenvalues(maxIter=1000, tol=tolerance)[0]

            return Run(run, lambda: np.asarray(last, np.float64))

        return prepare

    return {"largest": {f"tolerance-{t}": largest(float(t)) for t in ("1e-3", "1e-4", "1e-5")}}


if __name__ == "__main__":
    torch.set_num_threads(THREADS)
    problem = driver.problem_of_arguments()
    driver.serve(f"PyHessian {version('pyhessian')}", operations(problem), problem.folder)
