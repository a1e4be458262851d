"""Models: one published model, one file, all with scikit-learn's fit and predict."""

from typing import Any

from affectbio.models.nearest_neighbour import nearest_neighbour
from affectbio.models.shrinkage_lda import ShrinkageLDA
from affectbio.registry import Registry

__all__ = ["MODELS", "ShrinkageLDA", "create_model", "nearest_neighbour"]

#: Models by name.
MODELS = Registry(
    "model",
    {
        "imputed-lda": "affectbio.models.imputed_lda:imputed_lda",
        "nearest-neighbour": "affectbio.models.nearest_neighbour:nearest_neighbour",
        "rbtransformer": "affectbio.models.rbtransformer:RBTransformer",
        "shrinkage-lda": "affectbio.models.shrinkage_lda:ShrinkageLDA",
        "support-vector-machine": "affectbio.models.support_vector:support_vector_machine",
    },
    "affectbio.models",
)


def create_model(name: str, **parameters: Any) -> Any:
    """Make a model by name.

    Parameters
    ----------
    name : str
        One of ``MODELS.names()``.
    **parameters
        Its constructor's arguments.

    Returns
    -------
    estimator
        Not yet fitted.

    Raises
    ------
    ConfigError
        If there is no such model; the nearest is suggested.

    Examples
    --------
    >>> create_model("shrinkage-lda", shrinkage=0.1)
    ShrinkageLDA(shrinkage=0.1)
    """
    return MODELS.get(name)(**parameters)
