"""Feature arithmetic: arrays in, arrays out, the same on whole recordings and on live streams."""

from affectbio.kernels.complexity import (
    Hjorth,
    higuchi_fractal_dimension,
    hjorth,
    katz_fractal_dimension,
    permutation_entropy,
    sample_entropy,
    spectral_entropy,
)
from affectbio.kernels.discrete_wavelet import wavedec, wavelet_energy, wavelet_entropy, wavelet_packet
from affectbio.kernels.ectopic import CorrectedRR, IntervalKind, correct_ectopic, flag_ectopic
from affectbio.kernels.entropy import DifferentialEntropyStream, differential_entropy, window_starts
from affectbio.kernels.hrv import HrvFrequency, HrvNonlinear, HrvTime, hrv_frequency, hrv_nonlinear, hrv_time
from affectbio.kernels.peaks import beat_quality, beat_times, find_beats, pulse_arrival
from affectbio.kernels.wavelet import cone_of_influence, morlet_power, morlet_transform, scalogram

__all__ = [
    "DifferentialEntropyStream",
    "differential_entropy",
    "window_starts",
    "wavedec",
    "wavelet_energy",
    "wavelet_entropy",
    "wavelet_packet",
    "Hjorth",
    "higuchi_fractal_dimension",
    "hjorth",
    "katz_fractal_dimension",
    "permutation_entropy",
    "sample_entropy",
    "spectral_entropy",
    "CorrectedRR",
    "HrvFrequency",
    "HrvNonlinear",
    "HrvTime",
    "IntervalKind",
    "beat_quality",
    "beat_times",
    "correct_ectopic",
    "find_beats",
    "flag_ectopic",
    "hrv_frequency",
    "hrv_nonlinear",
    "hrv_time",
    "pulse_arrival",
    "cone_of_influence",
    "morlet_power",
    "morlet_transform",
    "scalogram",
]
