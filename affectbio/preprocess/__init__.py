"""What is done to signals before features: another rate, and judging whether they can be used."""

from affectbio.preprocess.quality import ChannelQuality, channel_quality
from affectbio.preprocess.resample import resample

__all__ = ["ChannelQuality", "channel_quality", "resample"]
