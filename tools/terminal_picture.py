"""Draws what a command printed, with its colours, as an SVG: `docs/why.svg` is made by it.

FORCE_COLOR=1 COLUMNS=120 .venv/bin/everloop why flight-delays > why.txt
.venv/bin/python tools/terminal_picture.py why.txt docs/why.svg "everloop why flight-delays"
"""

import io
import re
import sys
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

WIDTH = 120
# A page that shows the picture asks nobody else for a font.
_FORMAT = re.sub(r"@font-face \{\{.*?\}\}|<!--.*?-->", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


def main(source: Path, target: Path, title: str) -> None:
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    console.print(Text.from_ansi(source.read_text().rstrip()))
    target.write_text(console.export_svg(title=title, code_format=_FORMAT) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
