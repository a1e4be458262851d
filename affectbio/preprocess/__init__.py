"""What is done to signals before features: a causal filter, another rate, and judging whether they can be used."""

from affectbio.preprocess.causal import causal_filter
from affectbio.preprocess.quality import ChannelQuality, channel_quality
from affectbio.preprocess.resample import resample

__all__ = ["ChannelQuality", "causal_filter", "channel_quality", "resample"]
