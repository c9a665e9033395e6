"""What a model's spec expects of the files of a drop."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .dialect import PANDAS, Dialect


@dataclass(frozen=True)
class Expected:
    """What a model's spec expects of a file."""

    required: tuple[str, ...]
    columns: Mapping[str, str] = field(default_factory=dict)  # and their kinds, number or text
    target: str | None = None  # whose values are to be looked at
    classes: bool = False  # the target is 0 or 1
    dialect: Dialect = PANDAS
    names_only: bool = False

    @classmethod
    def by(cls, spec: Mapping[str, Any]) -> "Expected":
        """Return what a spec expects, as the prepare job and `everloop drop` read it."""
        data = spec["data"]
        named = [data["target"], *(data[each] for each in ("key", "timestamp") if data[each])]
        return cls(
            required=tuple(dict.fromkeys([*data["columns"], *named])),
            columns=data["columns"],
            target=data["target"],
            classes=spec["problem"] == "binary_classification",
            dialect=Dialect.of(data),
            names_only=data.get("check", "all") == "names-only",
        )
