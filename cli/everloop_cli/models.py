"""Which models there are, and what is said of a name that is none of them."""

from everloop.reading import attention, models
from everloop_cli.trouble import Trouble


def known(name: str) -> str:
    """Return a model's name. Raises Trouble naming the models there are, and a push that waits."""
    installed = models.names()
    if name in installed:
        return name
    there = ", ".join(installed) or "none yet; push one: everloop push models/NAME"
    said = f"no model {name!r} is installed here"
    pushed = attention.not_installed().get(name)
    if pushed is not None:
        said += f": {pushed.found}"
    raise Trouble(f"{said}. Installed: {there}")
