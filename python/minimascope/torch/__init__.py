"""PyTorch models as trained points, and their curvature during training."""

from minimascope._point import Cost, Facts

from . import huggingface, lightning, log
from .build import point
from .errors import PointError
from .point import Point
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
