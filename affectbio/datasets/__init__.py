"""Readers of data sets and of loose files: every one yields Recordings."""

from affectbio.datasets.e4 import read_e4
from affectbio.datasets.edf import EDFTruncatedWarning, read_edf
from affectbio.registry import Registry

__all__ = ["DATASETS", "EDFTruncatedWarning", "read_e4", "read_edf"]

#: Data sets by name: classes that take the folder of a user's copy.
DATASETS = Registry("data set", {"eegmat": "affectbio.datasets.eegmat:EEGMAT"}, "affectbio.datasets")
