"""Whether the laptop's cloud, a distribution of its own, is installed beside the command."""

import importlib.util

from everloop_cli.trouble import Trouble


def is_installed() -> bool:
    return importlib.util.find_spec("everloop_localcloud") is not None


def check_installed() -> None:
    """Raise Trouble that says how to install it where it is not."""
    if not is_installed():
        raise Trouble(
            "the laptop's cloud is a package of its own, everloop-localcloud, and it is not "
            "installed beside this command: pip install ./localcloud  from a clone of the "
            "repository (or  uv tool install . --with ./localcloud)"
        )
