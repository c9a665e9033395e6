"""What a check found, as a page of Markdown: the comment of a pull request."""

import html
from collections.abc import Mapping, Sequence
from typing import Final

from everloop_cli.model_check.findings import BAD, GOOD, SKIPPED, WARNING, Finding, is_good

MARKER: Final = "<!-- everloop check -->"  # by which CI finds its comment again
_MARKS = {GOOD: "ok", BAD: "**WRONG**", WARNING: "look"}
_IN_A_CELL = 600
_MOST = 60_000  # GitHub takes comments of 65,536 characters


def markdown(
    checked: Mapping[str, Sequence[Finding]], gone: Sequence[str] = (), *, strict: bool = False
) -> str:
    """Return what was found in each model, and which models' folders are gone."""
    bad = [model for model, found in checked.items() if not is_good(found, strict=strict)]
    if not checked:
        title = "no model changed"
    elif bad:
        title = f"{len(bad)} of {len(checked)} {_models(len(checked))} not good"
    else:
        title = f"{len(checked)} {_models(len(checked))} good"
    lines = [MARKER, f"### everloop check: {title}", ""]
    for model in (*bad, *(model for model in checked if model not in bad)):
        lines += _model(model, checked[model])
    for model in gone:
        lines += [f"The folder of **{_text(model)}** is gone; what serves stays until somebody "
                  f"types `everloop remove {model}`.", ""]  # fmt: skip
    whole = "\n".join(lines)
    return whole if len(whole) <= _MOST else f"{whole[:_MOST].rpartition(chr(10))[0]}\n\n…\n"


def _model(model: str, found: Sequence[Finding]) -> list[str]:
    lines = [f"#### {_text(model)}", "", "| stage | | what was found |", "| --- | --- | --- |"]
    left: dict[str, list[Finding]] = {}
    for each in sorted(found, key=lambda each: each.outcome != BAD):
        if each.outcome == SKIPPED:
            left.setdefault(each.found, []).append(each)
            continue
        where = f"{_text(each.place)}: " if each.place else ""
        line = f"{where}{_text(each.found)}{_fix('<br>', each)}"
        lines.append(f"| {each.stage} | {_MARKS[each.outcome]} | {line} |")
    for why, some in left.items():
        stages = ", ".join(each.stage for each in some)
        lines += ["", f"Not tried: {stages} ({_text(why)}){_fix('. ', some[0])}"]
    return [*lines, ""]


def _fix(before: str, each: Finding) -> str:
    return f"{before}Fix: {_text(each.fix)}" if each.fix else ""


def _models(count: int) -> str:
    return "model is" if count == 1 else "models are"


def _text(text: str) -> str:
    """Return text that is no markup, mentions nobody and stays in its cell."""
    line = " ".join(text.split())
    line = line if len(line) <= _IN_A_CELL else f"{line[: _IN_A_CELL - 1]}…"
    for character in "@|`*_[]#":
        line = line.replace(character, f"\0{ord(character)};")
    return html.escape(line, quote=False).replace("\0", "&#")
