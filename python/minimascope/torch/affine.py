"""How a weight meets activations: linear layers, convolutions and lookups."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from .factors import Factors, Pair
from .layout import Layout


@dataclass(frozen=True)
class Piece:
    """A view of a parameter: places in its storage, counted from the parameter's first."""

    parameter: int
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    def of(self, whole: Tensor) -> Tensor:
        """The same view of a tensor that lies in memory as the parameter does."""
        return whole.as_strided(self.size, self.stride, whole.storage_offset() + self.offset)


class Affine(Protocol):
    """y = W ∘ x (+ b). The weight's two sides are `first` and `second`, in the order of its
    memory."""

    def shared(self, x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
        """W ∘ x + b with one weight for all units, in the layout of y."""
        ...

    def rows(self, y: Tensor, units: int) -> Tensor:
        """A tensor in the layout of y as units × positions × outputs."""
        ...

    def own(self, x: Tensor, direction: Factors, units: int) -> Tensor:
        """U_i ∘ x_i in the order of `blocks`; `x` is live."""
        ...

    def blocks(self, y: Tensor, units: int) -> Tensor:
        """A tensor in the layout of y as blocks × positions × width."""
        ...

    def pair(self, x: Tensor, y: Tensor, units: int) -> Pair:
        """The factors of Σ_s y_s ∘ x_sᵀ in the weight's orientation."""
        ...

    def sides(self, size: tuple[int, ...]) -> tuple[int, int]:
        """`first` and `second` of a weight of this shape."""
        ...


@dataclass(frozen=True)
class Linear:
    """y_o = Σ_c W_oc x_c + b_o over the last dimension; `transposed` where the weight is stored
    in × out."""

    x_layout: Layout
    y_layout: Layout
    transposed: bool = False

    def shared(self, x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
        if weight is None:
            assert bias is not None
            return bias
        return F.linear(x, weight.t() if self.transposed else weight, bias)

    def rows(self, y: Tensor, units: int) -> Tensor:
        return self.y_layout.rows(y, units)

    def blocks(self, y: Tensor, units: int) -> Tensor:
        return self.rows(y, units)

    def own(self, x: Tensor, direction: Factors, units: int) -> Tensor:
        x = self.x_layout.rows(x, units)
        return direction.transposed_times(x) if self.transposed else direction.times(x)

    def pair(self, x: Tensor, y: Tensor, units: int) -> Pair:
        x, y = self.x_layout.rows(x, units), self.rows(y, units)
        return (x, y) if self.transposed else (y, x)

    def sides(self, size: tuple[int, ...]) -> tuple[int, int]:
        return size[0], size[1]


@dataclass(frozen=True)
class Lookup:
    """y = W[x], rows of a table; `padding` is a row that does not train."""

    x_layout: Layout
    y_layout: Layout
    padding: int | None = None

    def shared(self, x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
        assert weight is not None
        found = F.embedding(x, weight)
        return found if self.padding is None else found * self._kept(x, found)

    def _kept(self, x: Tensor, like: Tensor) -> Tensor:
        assert self.padding is not None
        return x.ne(self.padding)[..., None].to(like.dtype)

    def rows(self, y: Tensor, units: int) -> Tensor:
        return self.y_layout.rows(y, units)

    def blocks(self, y: Tensor, units: int) -> Tensor:
        return self.rows(y, units)

    def _index(self, x: Tensor, units: int) -> Tensor:
        return self.x_layout.to_front(x, units).flatten(1)

    def own(self, x: Tensor, direction: Factors, units: int) -> Tensor:
        index = self._index(x, units)
        found = direction.lookup(index)
        return found if self.padding is None else found * self._kept(index, found)

    def pair(self, x: Tensor, y: Tensor, units: int) -> Pair:
        index, rows = self._index(x, units), self.rows(y, units)
        return index, rows if self.padding is None else rows * self._kept(index, rows)

    def sides(self, size: tuple[int, ...]) -> tuple[int, int]:
        return size[0], size[1]


@dataclass(frozen=True)
class Convolution:
    """Cross-correlation in one or two dimensions: the linear layer over unfolded patches. A grouped
    one has a block for each group."""

    x_layout: Layout
    y_layout: Layout
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int
    flat: bool
    """Whether there is one dimension alone."""

    def shared(self, x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
        if weight is None:
            assert bias is not None
            return bias[:, None] if self.flat else bias[:, None, None]
        if self.flat:
            last = (self.stride[1], self.padding[1], self.dilation[1], self.groups)
            return F.conv1d(x, weight, bias, *last)
        return F.conv2d(x, weight, bias, self.stride, self.padding, self.dilation, self.groups)

    def _patches(self, x: Tensor, units: int) -> Tensor:
        """units · groups × positions × cells of one group's patch."""
        x = x[:, :, None] if self.flat else x
        if self.kernel == (1, 1) and self.padding == (0, 0):
            patches = x[:, :, :: self.stride[0], :: self.stride[1]].flatten(2)
        else:
            patches = F.unfold(x, self.kernel, self.dilation, self.padding, self.stride)
        return self._grouped(self.x_layout.rows(patches.transpose(1, 2), units))

    def _grouped(self, rows: Tensor) -> Tensor:
        if self.groups == 1:
            return rows
        return torch.unflatten(rows, 2, (self.groups, -1)).transpose(1, 2).flatten(0, 1)

    def rows(self, y: Tensor, units: int) -> Tensor:
        return self.y_layout.rows(y.flatten(2).transpose(1, 2), units)

    def blocks(self, y: Tensor, units: int) -> Tensor:
        return self._grouped(self.rows(y, units))

    def own(self, x: Tensor, direction: Factors, units: int) -> Tensor:
        return direction.times(self._patches(x, units))

    def pair(self, x: Tensor, y: Tensor, units: int) -> Pair:
        return self.blocks(y, units), self._patches(x, units)

    def sides(self, size: tuple[int, ...]) -> tuple[int, int]:
        return size[0] // self.groups, math.prod(size[1:])

