"""The browser of whoever sits here, where there is one."""

import os
import sys
import webbrowser


def there() -> bool:
    """Whether a browser has where to show itself: one in the terminal would take that over."""
    named = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
    return named or sys.platform in ("darwin", "win32")


def show(address: str) -> bool:
    """Open an address; False where there is no browser to open it."""
    try:
        return there() and webbrowser.open(address)
    except webbrowser.Error:
        return False
