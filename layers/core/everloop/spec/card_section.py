"""[card]: what a version's model card says that no job can measure, and what it may not lack.

The limits are those of AWS's JSON schema of model cards: a field that it refuses ends at the push.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator

from everloop.decisions.cards import MEASURED
from everloop.spec.nearest import nearest
from everloop.spec.values import Section

LONG, SHORT = 2048, 1024  # characters of AWS's texts, and of its names and custom details


def _text(most: int) -> Callable[[str], str]:
    def checked(value: str) -> str:
        if len(value) > most:
            raise ValueError(
                f"it has {len(value)} characters, and AWS's model cards take {most}; shorten it"
            )
        if any(not each.isprintable() and each not in "\n\t" for each in value):
            raise ValueError("it has control characters, which a card cannot show; remove them")
        return value.strip()

    return checked


Long = Annotated[str, AfterValidator(_text(LONG))]
Short = Annotated[str, AfterValidator(_text(SHORT))]


class Card(Section):
    purpose: Long = ""
    owner: Short = ""
    intended_use: Long = ""
    out_of_scope_use: Short = ""
    licence: Short = ""
    limits: Long = ""
    ethics: Long = ""
    risk_rating: Literal["High", "Medium", "Low", "Unknown"] = "Unknown"
    risk_reason: Long = ""
    required: list[str] = []  # pydantic copies it


WRITTEN: Final = tuple(name for name in Card.model_fields if name != "required")


def mistakes(spec: Mapping[str, Any], *, explainable: bool) -> list[str]:
    """Say what of [card] does not fit the rest: what is required and cannot come."""
    card, found = spec["card"], []
    for name in dict.fromkeys(card["required"]):
        known = (*WRITTEN, *MEASURED)
        if name not in known:
            hint = nearest(name, known) or f"; there are {', '.join(known)}"
            found.append(f"card.required names {name!r}, which no card has{hint}")
        elif name in WRITTEN and card[name] in ("", "Unknown"):
            found.append(f"card.required names {name!r}, and card.{name} is not given; write it")
        elif lacks := _cannot_come(name, spec, explainable=explainable):
            found.append(f"card.required names {name!r}, and {lacks}")
    return found


def _cannot_come(name: str, spec: Mapping[str, Any], *, explainable: bool) -> str:
    """Say why no version can have what is measured; empty where one can."""
    if name == "fairness" and spec["fairness"] is None:
        return "there is no [fairness]; say there which groups are judged"
    if name == "slices" and not spec["evaluate"]["slices"]:
        return "evaluate.slices is empty; name columns there"
    if name == "explanations" and not (explainable and spec["explain"]["seconds"]):
        why = "explain.seconds is 0" if explainable else "nothing explains such a model"
        return f"{why}; leave one of both out"
    return ""
