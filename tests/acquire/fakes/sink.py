"""A sink that keeps everything."""

import numpy as np


class Gathered:
    """What came, by stream, and what was said: `words`, and `said` with the times."""

    def __init__(self):
        self.data, self.stamps, self.said = {}, {}, []

    @property
    def words(self):
        return [text for text, _ in self.said]

    def push(self, stream, data, stamps):
        self.data.setdefault(stream, []).append(data)
        self.stamps.setdefault(stream, []).append(stamps)

    def status(self, text, stamp):
        self.said.append((text, stamp))

    def of(self, stream):
        return np.concatenate(self.data[stream], axis=1), np.concatenate(self.stamps[stream])
