"""A part of Lambda: one subject's operations on what is kept of functions."""

from everloop_localcloud.functions.state import FunctionsState


class Part:
    """Works on the functions' state, which all parts share."""

    def __init__(self, state: FunctionsState) -> None:
        self.cloud = state.cloud
        self.state = state
