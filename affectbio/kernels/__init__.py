"""Feature arithmetic: arrays in, arrays out, the same on whole recordings and on live streams."""

from affectbio.kernels.entropy import DifferentialEntropyStream, differential_entropy, window_starts

__all__ = ["DifferentialEntropyStream", "differential_entropy", "window_starts"]
