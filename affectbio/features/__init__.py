"""scikit-learn transformers over the kernels, for recordings, windows and live streams alike."""

from affectbio.features.assemble import FeatureSet, FeatureTable
from affectbio.features.asymmetry import Asymmetry
from affectbio.features.complexity import Complexity, Hjorth
from affectbio.features.connectivity import Connectivity, Covariance, TangentSpace
from affectbio.features.entropy import BandPower, BandStream, DifferentialEntropy
from affectbio.features.fields import FieldsFeature
from affectbio.features.peripheral import Eda, Hrv, Motion, PulseArrival, Respiration, Temperature
from affectbio.features.sets import SETS, NamedSet, fitting_sets
from affectbio.features.smoothing import Smoothing
from affectbio.features.spectrum import AperiodicSlope, RelativePower
from affectbio.features.stream import FeatureStream
from affectbio.features.wavelet import Scalogram, WaveletEnergy
from affectbio.features.window import ChannelFeature, WindowFeature
from affectbio.registry import Registry

__all__ = [
    "FEATURES",
    "SETS",
    "AperiodicSlope",
    "Asymmetry",
    "BandPower",
    "BandStream",
    "ChannelFeature",
    "Complexity",
    "Connectivity",
    "Covariance",
    "DifferentialEntropy",
    "Eda",
    "FeatureSet",
    "FeatureStream",
    "FeatureTable",
    "FieldsFeature",
    "Hjorth",
    "Hrv",
    "Motion",
    "NamedSet",
    "PulseArrival",
    "RelativePower",
    "Respiration",
    "Scalogram",
    "Smoothing",
    "TangentSpace",
    "Temperature",
    "WaveletEnergy",
    "WindowFeature",
    "fitting_sets",
]

#: Features by the name a recipe gives them.
FEATURES = Registry(
    "feature",
    {
        "aperiodic-slope": "affectbio.features.spectrum:AperiodicSlope",
        "asymmetry": "affectbio.features.asymmetry:Asymmetry",
        "band-power": "affectbio.features.entropy:BandPower",
        "baseline-entropy": "affectbio.features.baseline_entropy:BaselineEntropy",
        "complexity": "affectbio.features.complexity:Complexity",
        "connectivity": "affectbio.features.connectivity:Connectivity",
        "covariance": "affectbio.features.connectivity:Covariance",
        "differential-entropy": "affectbio.features.entropy:DifferentialEntropy",
        "eda": "affectbio.features.peripheral:Eda",
        "hjorth": "affectbio.features.complexity:Hjorth",
        "hrv": "affectbio.features.peripheral:Hrv",
        "motion": "affectbio.features.peripheral:Motion",
        "pulse-arrival": "affectbio.features.peripheral:PulseArrival",
        "relative-power": "affectbio.features.spectrum:RelativePower",
        "respiration": "affectbio.features.peripheral:Respiration",
        "scalogram": "affectbio.features.wavelet:Scalogram",
        "tangent-space": "affectbio.features.connectivity:TangentSpace",
        "temperature": "affectbio.features.peripheral:Temperature",
        "wavelet-energy": "affectbio.features.wavelet:WaveletEnergy",
    },
    "affectbio.features",
)
