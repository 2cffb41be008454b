"""The networks as PyTorch modules, for the libraries that want one."""

import torch
from torch import Tensor, nn

from driver import Problem


def module(problem: Problem, dtype: str) -> tuple[nn.Sequential, Tensor, Tensor]:
    """The network at θ, all images and all targets."""
    layers: list[nn.Module] = []
    for shape in problem.shapes[::2]:
        if len(shape) == 4:
            layers += [nn.Conv2d(shape[1], shape[0], 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        else:
            layers += [nn.Flatten(), nn.Linear(shape[1], shape[0]), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    for parameter, value in zip(model.parameters(), problem.theta(dtype), strict=True):
        parameter.data = torch.from_numpy(value.copy())
    return model, torch.from_numpy(problem.images(dtype)), torch.from_numpy(problem.targets(dtype))
