"""Readers of data sets and of loose files: every one yields Recordings."""

from affectbio.datasets.base import Dataset, Facts, SignalFacts
from affectbio.datasets.bids import read_bids
from affectbio.datasets.check import CheckReport, check_dataset
from affectbio.datasets.e4 import read_e4
from affectbio.datasets.edf import EDFTruncatedWarning, read_edf
from affectbio.datasets.files import read_recording
from affectbio.datasets.imitation import synthesise
from affectbio.datasets.mne_files import read_brainvision, read_fif
from affectbio.datasets.muse import read_muse
from affectbio.datasets.openbci import read_openbci
from affectbio.registry import Registry

__all__ = [
    "DATASETS",
    "CheckReport",
    "Dataset",
    "EDFTruncatedWarning",
    "Facts",
    "SignalFacts",
    "check_dataset",
    "read_bids",
    "read_brainvision",
    "read_e4",
    "read_edf",
    "read_fif",
    "read_muse",
    "read_openbci",
    "read_recording",
    "synthesise",
]

#: Data sets by name: classes that take the folder of a user's copy.
DATASETS = Registry(
    "data set",
    {
        "amigos": "affectbio.datasets.amigos:AMIGOS",
        "bids": "affectbio.datasets.bids:BIDS",
        "case": "affectbio.datasets.case:CASE",
        "deap": "affectbio.datasets.deap:DEAP",
        "dreamer": "affectbio.datasets.dreamer:DREAMER",
        "eegmat": "affectbio.datasets.eegmat:EEGMAT",
        "faced": "affectbio.datasets.faced:FACED",
        "gameemo": "affectbio.datasets.gameemo:GAMEEMO",
        "k-emocon": "affectbio.datasets.k_emocon:KEmoCon",
        "mahnob-hci": "affectbio.datasets.mahnob_hci:MAHNOBHCI",
        "seed": "affectbio.datasets.seed:SEED",
        "seed-iv": "affectbio.datasets.seed_iv:SEEDIV",
        "seed-v": "affectbio.datasets.seed_v:SEEDV",
        "seed-vii": "affectbio.datasets.seed_vii:SEEDVII",
        "simulated": "affectbio.datasets.simulated:Simulated",
        "stress-predict": "affectbio.datasets.stress_predict:StressPredict",
        "wesad": "affectbio.datasets.wesad:WESAD",
    },
    "affectbio.datasets",
)
