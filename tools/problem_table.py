"""Write what a spec may ask of each problem and of fairness, from the jobs' own files.

`make problems` writes problems.json and fairness.json of layers/core/everloop/spec; a test holds
them together.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
JOBS = ROOT / "jobs" / "everloop_jobs"
TABLE = ROOT / "layers" / "core" / "everloop" / "spec" / "problems.json"
FAIRNESS = TABLE.with_name("fairness.json")


def fairness() -> str:
    """Return the measures of fairness as they belong into their file."""
    declared = _of_jobs("fairness").declared()
    blocks = [
        f" {json.dumps(name)}: {{\n" + ",\n".join(_lines(measures, "  ")) + "\n }"
        for name, measures in declared.items()
    ]
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def _of_jobs(module: str) -> Any:
    if str(JOBS) not in sys.path:
        sys.path.append(str(JOBS))  # jobs import each other as they lie side by side in an image
    return importlib.import_module(module)


def written() -> str:
    """Return the table of problems as it belongs into the file."""
    problems = _of_jobs("problems")
    blocks = []
    for name, kind in problems.declared().items():
        measures = ",\n".join(_lines(kind.pop("measures"), "   "))
        facts = ",\n".join([*_lines(kind, "  "), f'  "measures": {{\n{measures}\n  }}'])
        blocks.append(f" {json.dumps(name)}: {{\n{facts}\n }}")
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def _lines(table: dict[str, Any], indent: str) -> list[str]:
    return [f"{indent}{json.dumps(key)}: {json.dumps(value)}" for key, value in table.items()]


if __name__ == "__main__":
    for path, text in ((TABLE, written()), (FAIRNESS, fairness())):
        path.write_text(text)
        print(f"wrote {path.relative_to(ROOT)}")
