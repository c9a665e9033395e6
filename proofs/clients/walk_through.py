"""Run the cells of docs/walk-through.md as a notebook would, and hold the page to what they print.

`--write` puts what came out under each cell instead.
"""

import contextlib
import io
import os
import re
import sys
import tempfile
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "walk-through.md"
CELL = re.compile(r"```python\n(?P<code>.*?)```\n(?:\n```text\n(?P<output>.*?)```\n)?", re.DOTALL)


def shown(code: str, output: str) -> str:
    """Return a cell as the page shows it."""
    return f"```python\n{code}```\n" + (f"\n```text\n{output}```\n" if output else "")


def main(write: bool) -> None:
    page = PAGE.read_text()
    names: dict[str, object] = {"__name__": "__main__"}
    fresh, at, differing = "", 0, []
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for cell in CELL.finditer(page):
            line = page.count("\n", 0, cell.start()) + 2
            padded = "\n" * (line - 1) + cell["code"]  # so that errors name the page's lines
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(padded, str(PAGE), "exec"), names)
            output = printed.getvalue()
            if output != (cell["output"] or ""):
                differing.append(f"line {line}: it shows {cell['output']!r}, and was {output!r}")
            fresh += page[at : cell.start()] + shown(cell["code"], output)
            at = cell.end()
        os.chdir(PAGE.parent)
    if write:
        PAGE.write_text(fresh + page[at:])
    elif differing:
        sys.exit("docs/walk-through.md is not what came out:\n" + "\n".join(differing))
    print(f"{len(CELL.findall(page))} cells ran")


if __name__ == "__main__":
    main("--write" in sys.argv[1:])
