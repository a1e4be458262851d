"""scikit-learn transformers over the kernels, for recordings, windows and live streams alike."""

from affectbio.features.entropy import DifferentialEntropy
from affectbio.registry import Registry

__all__ = ["FEATURES", "DifferentialEntropy"]

#: Features by the name a recipe gives them.
FEATURES = Registry(
    "feature", {"differential-entropy": "affectbio.features.entropy:DifferentialEntropy"}, "affectbio.features"
)
