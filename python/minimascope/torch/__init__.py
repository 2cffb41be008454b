"""PyTorch models as trained points, and their curvature during training."""

from . import huggingface, lightning, log
from .build import point
from .errors import PointError
from .point import Cost, Facts, Point
from .tracker import Tracker

__all__ = [
    "Cost",
    "Facts",
    "Point",
    "PointError",
    "Tracker",
    "huggingface",
    "lightning",
    "log",
    "point",
]
