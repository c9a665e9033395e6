"""A page of somebody else's code, in a frame where it can draw by script and do nothing else."""

import html
from typing import Final

# What it may do: run its own scripts, and ask no one.
POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; form-action 'none'; base-uri 'none'"
)


def around(page: bytes, title: str) -> bytes:
    """Return a page that shows another: of an origin of nobody's, which asks no one.

    A frame has the policy of what it stands in. Opened as a file the page could else read files.
    """
    inside = html.escape(page.decode("utf-8", "replace"), quote=True)
    return (
        '<!doctype html><html><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{html.escape(title)}</title>"
        "<style>html,body,iframe{margin:0;border:0;width:100%;height:100%}</style>"
        f'<iframe sandbox="allow-scripts" srcdoc="{inside}"></iframe></html>\n'
    ).encode()
