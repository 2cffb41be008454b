"""PyTorch models as trained points, and their curvature during training."""

from .build import point
from .errors import PointError
from .point import Cost, Facts, Point

__all__ = ["Cost", "Facts", "Point", "PointError", "point"]
