"""What can be wrong with a model, its data or its loss."""


class PointError(ValueError):
    """A point that cannot be measured: one sentence that says what is wrong and what to do."""
