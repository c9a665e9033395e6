"""What a model's spec expects of the files of a drop."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .dialect import PANDAS, Dialect


@dataclass(frozen=True)
class Expected:
    """What a model's spec expects of a file."""

    required: tuple[str, ...]
    columns: Mapping[str, str] = field(default_factory=dict)  # and their kinds, number or text
    target: str | None = None  # whose values are to be looked at
    targets: str = "numbers"  # what it holds: numbers, zero-one, any
    dialect: Dialect = PANDAS
    names_only: bool = False
    format: str = "csv"
    hidden: tuple[str, ...] = ()  # columns of which no value is told
    flatten: bool = False  # a record inside a record gives columns: address.city

    @classmethod
    def by(cls, spec: Mapping[str, Any], targets: str, named: Iterable[str] = ()) -> "Expected":
        """Return what a spec expects, as the prepare job and `everloop drop` read it.

        `targets` is what its problem declares, `named` are the columns that it needs besides.
        """
        data = spec["data"]
        own = [data["target"], *(data[each] for each in ("key", "timestamp") if data[each])]
        return cls(
            required=tuple(dict.fromkeys([*data["columns"], *own, *named])),
            columns=data["columns"],
            target=data["target"],
            targets=targets,
            dialect=Dialect.of(data),
            names_only=data.get("check", "all") == "names-only",
            format=str(data.get("format") or "csv"),
            hidden=tuple((spec.get("privacy") or {}).get("hidden") or ()),
            flatten=bool(data.get("flatten")),
        )
