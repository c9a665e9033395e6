"""Where the laptop's cloud keeps its state, and which template that state was made with."""

import hashlib
import json
import os
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

from everloop_cli import stack_files
from everloop_cli.trouble import Trouble

_STACK = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")  # as CloudFormation has it
_RECORD = "template.json"


def default(stack: str) -> Path:
    """Return the folder of a stack's state: the clone's `.everloop`, else one per user and stack.

    Raises Trouble for a name that no stack can have.
    """
    if not _STACK.fullmatch(stack):
        raise Trouble(f"{stack!r} is no name of a stack: a letter, then letters, digits, hyphens")
    clone = stack_files.clone()
    if clone is not None:
        return Path(".everloop") if Path.cwd() == clone else clone / ".everloop"
    return home() / stack


def home() -> Path:
    """Return the folder of all that this user's commands keep."""
    base = os.environ.get("XDG_STATE_HOME", "")
    # What is not absolute is to be ignored: the XDG base directory specification.
    state = Path(base) if os.path.isabs(base) else Path.home() / ".local" / "state"
    return state / "everloop"


def check(state: Path, template: Path) -> None:
    """Raise Trouble where the state was made with another template than this one, or a newer one.

    A newer version of the template that made it is no other: the stack is updated to it.
    """
    made = _read(state)
    if made is None:
        return
    mine = _record(template)
    way_out = (
        "Choose another folder with --state, forget this one with  everloop down --wipe, or update "
        "it all the same with --any-template"
    )
    if _number(made["version"]) > _number(mine["version"]):
        raise Trouble(
            f"the state in {state} was made with the template of Everloop {made['version']}, and "
            f"this is Everloop {mine['version']}: an older template would take away what the newer "
            f"one made. Install {made['version']} again. {way_out}"
        )
    same = made["version"] == mine["version"]
    if same and made["digest"] != mine["digest"] and made["place"] != mine["place"]:
        raise Trouble(
            f"the state in {state} was made with another template, {made['place']}, and this is "
            f"{mine['place']}; both call themselves Everloop {mine['version']}. {way_out}"
        )


def upgrade(state: Path) -> str | None:
    """Say from which older version the stack of a state is about to be updated; None for none."""
    made, mine = _read(state), version("everloop")
    if made is None and not (state / "state.sqlite").exists():
        return None
    old = made["version"] if made else "0.1"  # which wrote nothing down
    if _number(old) >= _number(mine):
        return None
    return (
        f"the state in {state} was made with Everloop {old}: its stack is updated to {mine}. What "
        "the update cannot do leaves it as it was"
    )


def record(state: Path, template: Path) -> None:
    """Write down which template the state was made with."""
    (state / _RECORD).write_text(json.dumps(_record(template), indent=1) + "\n")


def _record(template: Path) -> dict[str, str]:
    clone = stack_files.clone()
    return {
        "version": version("everloop"),
        "digest": hashlib.sha256(template.read_bytes()).hexdigest(),
        "place": str(template.resolve()) if clone is not None else "an installed command's",
    }


def _read(state: Path) -> dict[str, Any] | None:
    """Return what was written down; None for a state of before, or an unreadable one."""
    try:
        record = json.loads((state / _RECORD).read_text())
        return {name: str(record[name]) for name in ("version", "digest", "place")}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _number(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])
