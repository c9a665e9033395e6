"""docs/add-a-model.md says what the spec takes: every key and its default, and what loads."""

import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from everloop.errors import BadInput
from everloop.messages import KINDS
from everloop.spec.model_spec import ModelSpec, load_spec

PAGE = (Path(__file__).parents[2] / "docs" / "add-a-model.md").read_text()
KEYS = PAGE.split("## Every key")[1].split("\n## ")[0]
ROWS: dict[str, str] = dict(re.findall(r"^\| `([a-z_.*]+)` \| (.+?) \| .+ \|$", KEYS, re.MULTILINE))


def keys(section: type[BaseModel], path: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every key that an owner can write, with `*` for the names of a table and places of a list."""
    for name, field in section.model_fields.items():
        kind, here = field.annotation, path + name
        inner = next((each for each in (kind, *get_args(kind)) if _is_section(each)), None)
        if inner is not kind and here != "name":
            yield here, field
        if inner is not None:
            yield from keys(inner, f"{here}.*." if get_origin(kind) in (list, dict) else f"{here}.")


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def shown(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default is None:
        return "none"
    return f"`{json.dumps(field.default)}`"


def test_the_table_names_every_key_and_its_default() -> None:
    told = ROWS | {"evaluate.compare": ROWS["evaluate.compare"].replace("by the problem", "none")}
    assert told == {path: shown(field) for path, field in keys(ModelSpec)}


def test_the_table_of_messages_names_every_kind() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (told|not told) \| (.+?) \|$", PAGE, re.MULTILINE)
    words = {True: "told", False: "not told"}
    assert rows == [(kind, words[on], when) for kind, (on, when) in KINDS.items()]


def test_the_shortest_example_loads() -> None:
    example = PAGE.split("## The shortest model.toml")[1].split("Everything else")[0]
    spec = load_spec(textwrap.dedent(example), name="prices")
    assert spec.evaluate.metrics["rmse"].max == 10.0


def test_the_mistakes_shown_are_what_is_said() -> None:
    text = """
    problem = "binary_classification"
    data = { target = "late" }
    evaluate = { metrics = { auc = { min = 1.2 } } }
    retrain = { cooldown_hour = 2 }
    """
    with pytest.raises(BadInput) as error:
        load_spec(text, name="flights")
    for line in str(error.value).split("\n"):
        assert f"    {line}\n" in PAGE
