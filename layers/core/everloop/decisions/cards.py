"""What a model card may not lack: what an owner requires, and an evaluation has or has not."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from everloop.decisions import Decision

MEASURED: Final = ("fairness", "explanations", "slices")


def is_complete(evaluation: Mapping[str, Any], required: Sequence[str]) -> Decision:
    """Check that an evaluation has what the card must show."""
    lacking = [name for name in required if name in MEASURED and not _has(evaluation, name)]
    if not lacking:
        return Decision(True, "")
    why = str((evaluation.get("explanations") or {}).get("not_explained") or "")
    told = f" (not explained: {why})" if why and "explanations" in lacking else ""
    return Decision(
        False,
        f"its card lacks {' and '.join(lacking)}, which card.required names: "
        f"the evaluation has none{told}",
        {"lacking": lacking},
    )


def _has(evaluation: Mapping[str, Any], name: str) -> bool:
    if name == "slices":
        return bool(evaluation.get("slices"))
    part = evaluation.get(name) or {}
    if name == "fairness":
        return any(column.get("groups") for column in part.get("columns") or ())
    return bool(part.get("importance"))
