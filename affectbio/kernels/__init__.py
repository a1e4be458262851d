"""Feature arithmetic: arrays in, arrays out, the same on whole recordings and on live streams."""

from affectbio.kernels.aperiodic import Aperiodic, aperiodic_slope
from affectbio.kernels.asymmetry import (
    dasm,
    dcau,
    frontal_alpha_asymmetry,
    frontal_posterior_pairs,
    hemisphere_pairs,
    rasm,
)
from affectbio.kernels.band_power import BandPowerStream, band_power, samples_left_over, window_starts
from affectbio.kernels.beat_stream import Beats, BeatStream
from affectbio.kernels.complexity import (
    Hjorth,
    higuchi_fractal_dimension,
    hjorth,
    katz_fractal_dimension,
    permutation_entropy,
    sample_entropy,
    spectral_entropy,
)
from affectbio.kernels.connectivity import (
    coherence,
    imaginary_coherence,
    phase_locking_value,
    weighted_phase_lag_index,
)
from affectbio.kernels.covariance import covariance, log_euclidean, log_euclidean_mean, tangent_vector
from affectbio.kernels.discrete_wavelet import wavedec, wavelet_energy, wavelet_entropy, wavelet_packet
from affectbio.kernels.ectopic import CorrectedRR, IntervalKind, correct_ectopic, flag_ectopic
from affectbio.kernels.eda import (
    EdaFeatures,
    EdaParts,
    ScrEvents,
    decompose_eda,
    eda_features,
    skin_conductance_responses,
)
from affectbio.kernels.entropy import DifferentialEntropyStream, differential_entropy
from affectbio.kernels.heart import (
    HeartFeatures,
    HeartStream,
    PulseArrivalFeatures,
    beat_features,
    heart_features,
    pulse_arrival_features,
)
from affectbio.kernels.hrv import HrvFrequency, HrvNonlinear, HrvTime, hrv_frequency, hrv_nonlinear, hrv_time
from affectbio.kernels.motion import MotionFeatures, motion_features
from affectbio.kernels.peaks import beat_quality, beat_times, find_beats, pulse_arrival
from affectbio.kernels.respiration import Breaths, RespirationFeatures, find_breaths, respiration_features
from affectbio.kernels.smoothing import (
    CausalMovingAverage,
    LdsFilter,
    LdsParameters,
    fit_lds,
    lds_filter,
    lds_smooth_with_look_ahead,
    moving_average,
)
from affectbio.kernels.spectral import (
    Psd,
    band_density,
    peak_frequency,
    psd_multitaper,
    psd_welch,
    relative_power,
)
from affectbio.kernels.temperature import TemperatureFeatures, temperature_features
from affectbio.kernels.wavelet import (
    Morse,
    cone_of_influence,
    morlet_power,
    morlet_transform,
    morse_power,
    morse_transform,
    scalogram,
)
from affectbio.kernels.wavelet_stream import WaveletPowerStream

__all__ = [
    "BandPowerStream",
    "DifferentialEntropyStream",
    "band_power",
    "differential_entropy",
    "samples_left_over",
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
    "Aperiodic",
    "Psd",
    "aperiodic_slope",
    "band_density",
    "peak_frequency",
    "psd_multitaper",
    "psd_welch",
    "relative_power",
    "dasm",
    "dcau",
    "frontal_alpha_asymmetry",
    "frontal_posterior_pairs",
    "hemisphere_pairs",
    "rasm",
    "coherence",
    "covariance",
    "imaginary_coherence",
    "log_euclidean",
    "log_euclidean_mean",
    "phase_locking_value",
    "tangent_vector",
    "weighted_phase_lag_index",
    "CausalMovingAverage",
    "LdsFilter",
    "LdsParameters",
    "fit_lds",
    "lds_filter",
    "lds_smooth_with_look_ahead",
    "moving_average",
    "BeatStream",
    "Beats",
    "CorrectedRR",
    "HeartFeatures",
    "HeartStream",
    "HrvFrequency",
    "HrvNonlinear",
    "HrvTime",
    "IntervalKind",
    "PulseArrivalFeatures",
    "beat_features",
    "beat_quality",
    "beat_times",
    "correct_ectopic",
    "find_beats",
    "flag_ectopic",
    "heart_features",
    "hrv_frequency",
    "hrv_nonlinear",
    "hrv_time",
    "pulse_arrival",
    "pulse_arrival_features",
    "Morse",
    "cone_of_influence",
    "morlet_power",
    "morlet_transform",
    "morse_power",
    "morse_transform",
    "scalogram",
    "WaveletPowerStream",
    "EdaFeatures",
    "EdaParts",
    "ScrEvents",
    "decompose_eda",
    "eda_features",
    "skin_conductance_responses",
    "Breaths",
    "RespirationFeatures",
    "find_breaths",
    "respiration_features",
    "TemperatureFeatures",
    "temperature_features",
    "MotionFeatures",
    "motion_features",
]
