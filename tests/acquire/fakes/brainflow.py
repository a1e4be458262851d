"""``brainflow.board_shim`` with one board that gives what a test puts into it."""

import numpy as np


class BrainFlowError(Exception):
    """As brainflow's."""


class BrainFlowInputParams:
    """As brainflow's, with what the tests need."""

    def __init__(self):
        self.serial_port, self.mac_address, self.file, self.master_board, self.ip_port = "", "", "", -100, 0


class LogLevels:
    LEVEL_OFF = 6


def fake_shim(descriptions):
    """Make a module with a board of these presets; arrays to give wait in ``BoardShim.waiting``."""

    class BoardShim:
        opened, calls, refuse, waiting, broken = [], [], "", [], ""

        def __init__(self, board, params):
            self.opened.append((board, params))

        set_log_level = staticmethod(lambda level: None)
        get_board_presets = staticmethod(lambda board: list(descriptions))
        get_board_descr = staticmethod(lambda board, preset: descriptions[preset])

        def prepare_session(self):
            self.calls.append("prepare")
            if self.refuse == "prepare":
                raise BrainFlowError("BOARD_NOT_READY_ERROR:7 unable to prepare streaming session")

        def start_stream(self):
            self.calls.append("start")
            if self.refuse == "start":
                raise BrainFlowError("GENERAL_ERROR:17 unable to start streaming session")

        def stop_stream(self):
            self.calls.append("stop")
            raise BrainFlowError("a board that is gone cannot be told")

        def release_session(self):
            self.calls.append("release")

        def get_board_data(self, preset=0):
            if self.broken:
                raise BrainFlowError(self.broken)
            for k, (wanted, array) in enumerate(self.waiting):
                if wanted == preset:
                    del self.waiting[k]
                    return array
            return np.empty((descriptions[preset]["num_rows"], 0))

    class Shim:
        pass

    shim = Shim()
    shim.BoardShim, shim.BrainFlowError = BoardShim, BrainFlowError
    shim.BrainFlowInputParams, shim.LogLevels = BrainFlowInputParams, LogLevels
    return shim
