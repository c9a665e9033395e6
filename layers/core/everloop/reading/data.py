"""A model's data: what is in its datasets, and what is not."""

from everloop.aws import arrivals, objects
from everloop.views import data as views
from everloop.views.data import Data


def data(model: str, *, everything: bool = False) -> Data:
    """Return what is in no dataset of a model; with `everything` what is in one, too."""
    window = arrivals.find_window(model)
    windows = range(1, window.number + 1) if window and everything else range(0)
    return views.data(
        model,
        arrivals.last_frozen(model),
        objects.states(model),
        arrivals.arrivals(model, windows),
        everything=everything,
    )


def is_known(model: str) -> bool:
    """Whether anything ever came for a model, installed or not."""
    return arrivals.find_window(model) is not None or bool(objects.states(model))
