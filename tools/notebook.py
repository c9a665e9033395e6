"""Writes docs/walk-through.ipynb from the page of the same name: `make clients` runs its cells.

.venv/bin/python tools/notebook.py
"""

import json
import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE, NOTEBOOK = DOCS / "walk-through.md", DOCS / "walk-through.ipynb"
_CELL = re.compile(r"```python\n(?P<code>.*?)```\n(?:\n```text\n(?P<output>.*?)```\n)?", re.DOTALL)
# Links of the page lead to files beside it, as those of the notebook do.
_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def notebook(page: str) -> str:
    """Return a page as a notebook, with what each cell printed."""
    cells: list[dict[str, Any]] = []
    at, ran = 0, 0

    def words(text: str) -> None:
        if text.strip():
            cells.append(_cell(len(cells), "markdown", text.strip()))

    for found in _CELL.finditer(page):
        words(page[at : found.start()])
        ran, at = ran + 1, found.end()
        output = found["output"] or ""
        printed = {"name": "stdout", "output_type": "stream", "text": output.splitlines(True)}
        code = _cell(len(cells), "code", found["code"].rstrip("\n"))
        cells.append({**code, "execution_count": ran, "outputs": [printed] if output else []})
    words(page[at:])
    made = {
        "cells": cells,
        "metadata": {"kernelspec": _KERNEL, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def _cell(number: int, kind: str, text: str) -> dict[str, Any]:
    source = text.splitlines(True)
    return {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": source}


if __name__ == "__main__":
    NOTEBOOK.write_text(notebook(PAGE.read_text()))
