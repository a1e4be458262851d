"""What travels through affectbio: Signal, Recording, Windows and Affect.

Time is the last axis, units are SI, objects are frozen and share memory. Subject, session, trial and stimulus never
leave the metadata of `Windows`: that is what makes a leak between training and test visible.
"""

from affectbio.types.affect import Affect, Score
from affectbio.types.recording import Consent, Recording, table_of_windows
from affectbio.types.signal import Channel, Signal
from affectbio.types.windows import TARGET_ACCESS, Windows

__all__ = [
    "TARGET_ACCESS",
    "Affect",
    "Channel",
    "Consent",
    "Recording",
    "Score",
    "Signal",
    "Windows",
    "table_of_windows",
]
