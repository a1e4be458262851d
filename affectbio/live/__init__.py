"""Live: from a stream to estimates, and to where a person can see them."""

from affectbio.live.loop import Update, run_loop

__all__ = ["Update", "run_loop"]
