"""What devices send, byte by byte: each decoder takes bytes in and gives packets, without input, output or a clock."""

from affectbio.acquire.decoders.athena import AthenaDecoder
from affectbio.acquire.decoders.crown import CrownDecoder
from affectbio.acquire.decoders.heart_rate import HeartRateDecoder
from affectbio.acquire.decoders.muse import MuseDecoder
from affectbio.acquire.decoders.openbci import CytonDecoder, GanglionDecoder
from affectbio.acquire.decoders.packet import Decoder, Packet
from affectbio.acquire.decoders.polar import PolarDecoder
from affectbio.acquire.decoders.shimmer import ShimmerDecoder
from affectbio.acquire.decoders.text import CortexDecoder, E4Decoder, EmotiBitDecoder
from affectbio.acquire.decoders.thinkgear import ThinkGearDecoder
from affectbio.acquire.decoders.unicorn import UnicornDecoder

__all__ = [
    "AthenaDecoder",
    "CortexDecoder",
    "CrownDecoder",
    "CytonDecoder",
    "Decoder",
    "E4Decoder",
    "EmotiBitDecoder",
    "GanglionDecoder",
    "HeartRateDecoder",
    "MuseDecoder",
    "Packet",
    "PolarDecoder",
    "ShimmerDecoder",
    "ThinkGearDecoder",
    "UnicornDecoder",
]
