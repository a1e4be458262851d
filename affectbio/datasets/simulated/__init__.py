"""A benchmark whose best possible accuracy is known: simulated people, their features, their signals."""

from affectbio.datasets.simulated.ceilings import Ceilings, ceilings, gap_closed, online_curve
from affectbio.datasets.simulated.dataset import Simulated
from affectbio.datasets.simulated.draw import simulate
from affectbio.datasets.simulated.fitting import fit
from affectbio.datasets.simulated.parameters import BANDS, PRESETS, SimulationParams, preset
from affectbio.datasets.simulated.render import WaveformArtefacts, render
from affectbio.datasets.simulated.rule import bayes_posterior

__all__ = [
    "BANDS",
    "PRESETS",
    "Ceilings",
    "SimulationParams",
    "Simulated",
    "WaveformArtefacts",
    "bayes_posterior",
    "ceilings",
    "fit",
    "gap_closed",
    "online_curve",
    "preset",
    "render",
    "simulate",
]
