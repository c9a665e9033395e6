"""What a check of a model's folder found: stage by stage, each with its file and its fix."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final
from xml.etree import ElementTree

_UNFIT = re.compile("[\ud800-\udfff\ufffe\uffff]")
GOOD, WARNING, BAD, SKIPPED = "good", "warning", "wrong", "not tried"

# In the order in which they are tried, and what each is about.
STAGES: Final = {
    "syntax": "every script is Python",
    "contract": "model.toml, and the scripts that it needs",
    "requirements": "what the scripts import is there",
    "data": "the sample is read as a drop is",
    "preprocess": "the rows are split, and none is lost",
    "train": "train.py trains and leaves a model",
    "metrics": "the model is measured on rows that it never saw",
    "bars": "what [evaluate] and [fairness] ask for",
    "leakage": "no column knows the target too well",
    "serve": "an endpoint answers as the model did offline",
    "report": "the pages that people read",
}


@dataclass(frozen=True)
class Finding:
    """A stage's outcome: what was found, in which file and line, and how to fix it."""

    stage: str
    outcome: str
    found: str
    fix: str = ""
    file: str = ""
    line: int | None = None
    seconds: float | None = None

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}" if self.file and self.line else self.file

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def is_good(found: Iterable[Finding], *, strict: bool = False) -> bool:
    """Whether nothing is wrong; with `strict`, nothing is doubtful or left out either."""
    bad = (BAD, WARNING, SKIPPED) if strict else (BAD,)
    return not any(each.outcome in bad for each in found)


def junit(checked: Mapping[str, Iterable[Finding]], *, strict: bool = False) -> bytes:
    """Return what was found in models as JUnit's XML, as CI services show it.

    Each model is a suite, and each stage a test case.
    """
    whole = ElementTree.Element("testsuites")
    for model, found in checked.items():
        whole.append(_suite(model, found, strict=strict))
    ElementTree.indent(whole)
    made: bytes = ElementTree.tostring(whole, encoding="utf-8", xml_declaration=True)
    return made + b"\n"


def _suite(model: str, found: Iterable[Finding], *, strict: bool) -> ElementTree.Element:
    by_stage: dict[str, list[Finding]] = {}
    for each in found:
        by_stage.setdefault(each.stage, []).append(each)
    suite = ElementTree.Element("testsuite", name=f"everloop check {model}")
    counts = {"tests": len(by_stage), "failures": 0, "errors": 0, "skipped": 0}
    total = 0.0
    for stage, some in by_stage.items():
        seconds = sum(each.seconds or 0.0 for each in some)
        total += seconds
        case = ElementTree.SubElement(
            suite, "testcase", classname=model, name=stage, time=f"{seconds:.3f}"
        )
        wrong = [each for each in some if not is_good([each], strict=strict)]
        skipped = [each for each in some if each.outcome == SKIPPED]
        if wrong:
            counts["failures"] += 1
            if wrong[0].file:
                case.set("file", wrong[0].file)
            failure = ElementTree.SubElement(case, "failure", message=_plain(_line(wrong[0])))
            failure.text = _plain("\n".join(map(_line, wrong)))
        elif skipped:
            counts["skipped"] += 1
            ElementTree.SubElement(case, "skipped", message=_plain(skipped[0].found))
        else:
            ElementTree.SubElement(case, "system-out").text = _plain("\n".join(map(_line, some)))
    for name, count in counts.items():
        suite.set(name, str(count))
    suite.set("time", f"{total:.3f}")
    return suite


def _line(each: Finding) -> str:
    where = f"{each.place}: " if each.place else ""
    return f"{where}{each.found}{f' Fix: {each.fix}' if each.fix else ''}"


def _plain(text: str) -> str:
    """Leave out what XML cannot hold: a model's script may print anything."""
    return "".join(c for c in text if c in "\t\n" or (c >= " " and not _UNFIT.match(c)))
