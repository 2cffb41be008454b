"""What can be wrong with a model, its data or its loss."""


class PointError(ValueError):
    """A point that cannot be measured: one sentence that says what is wrong and what to do."""


class PathChanged(PointError):
    """The model takes another path than when its structure was found."""


def explained(error: Exception) -> Exception:
    """A framework's refusal of a second derivative or of memory, as one sentence; any other error
    unchanged."""
    text = str(error)
    first = text.splitlines()[0] if text else type(error).__name__
    if "out of memory" in text.lower() or "allocate memory" in text:
        return PointError(
            "the device has no memory left for a product; give a smaller memory= (bytes) when building the "
            "point."
        )
    signs = (
        "not implemented",
        "not differentiable",
        "once_differentiable",
        "does not support double backward",
        "does not currently support double backward",
        "derivative for",
        "higher order",
        "isn't differentiable",
    )
    if any(sign in text for sign in signs):
        return PointError(
            f"an operation of the model has no second derivative ({first}); replace it by its plain form "
            "(attn_implementation='eager' for fused attention, PyTorch operations for compiled or custom "
            "kernels)."
        )
    return error
