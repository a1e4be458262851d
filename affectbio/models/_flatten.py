"""Features of any shape as the rows that scikit-learn takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.preprocessing import FunctionTransformer

__all__ = ["flattener"]


def flattener() -> FunctionTransformer:
    """Make a step that lays all axes but the first on one."""
    return FunctionTransformer(_flatten)


def _flatten(X: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.reshape(X, (len(X), -1))
