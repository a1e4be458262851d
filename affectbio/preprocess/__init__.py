"""What is done to signals before features: for now, judging whether they can be used."""

from affectbio.preprocess.quality import ChannelQuality, channel_quality

__all__ = ["ChannelQuality", "channel_quality"]
