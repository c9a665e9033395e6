"""Which models there are, and the error for a name that is none of them."""

from everloop.aws import removals
from everloop.moments import text
from everloop.reading import attention, models
from everloop.spec.nearest import nearest
from everloop_cli.trouble import Trouble


def known(name: str, *, removed: bool = False) -> str:
    """Return a model's name. Raises Trouble naming the models there are, and a push that waits.

    With `removed`, a model that was removed is known, too: its decisions stay.
    """
    installed = models.names()
    if name in installed:
        return name
    there = ", ".join(installed) or "none yet; push one: everloop push models/NAME"
    problem = f"no model {name!r} is installed here"
    gone = removals.find(name)
    if gone is not None and removed:
        return name
    if gone is not None:
        problem += (
            f": it was removed by {gone.by} at {text(gone.since)} ({gone.reason}), and a push "
        )
        problem += f"installs it anew; everloop why {name} has its decisions"
    pushed = attention.not_installed().get(name)
    if pushed is not None:
        problem += f": {pushed.found}"
    raise Trouble(f"{problem}. Installed: {there}{nearest(name, installed)}")
