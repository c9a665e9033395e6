"""docs/walk-through.ipynb: the page of the same name, whose cells `make clients` runs."""

import json

from proofs.clients.walk_through import CELL
from tools.notebook import NOTEBOOK, PAGE, notebook


def test_the_notebook_is_the_page() -> None:
    page = PAGE.read_text()
    written = NOTEBOOK.read_text()
    assert written == notebook(page), "write it anew: .venv/bin/python tools/notebook.py"
    code = [each for each in json.loads(written)["cells"] if each["cell_type"] == "code"]
    shown = [(cell["code"], cell["output"] or "") for cell in CELL.finditer(page)]
    assert shown == [
        ("".join(each["source"]) + "\n", "".join(t for o in each["outputs"] for t in o["text"]))
        for each in code
    ]
