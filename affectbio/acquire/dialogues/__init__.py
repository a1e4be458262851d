"""What devices must be asked before they send: one module for a family, each over any transport."""

from affectbio.acquire.dialogues.base import Command, Dialogue, Words
from affectbio.acquire.dialogues.cortex import CortexDialogue, cortex_certificates
from affectbio.acquire.dialogues.cyton import CytonDialogue
from affectbio.acquire.dialogues.e4 import E4Dialogue
from affectbio.acquire.dialogues.polar import PolarDialogue
from affectbio.acquire.dialogues.shimmer import ShimmerDialogue

__all__ = [
    "Command",
    "CortexDialogue",
    "CytonDialogue",
    "Dialogue",
    "E4Dialogue",
    "PolarDialogue",
    "ShimmerDialogue",
    "Words",
    "cortex_certificates",
]
