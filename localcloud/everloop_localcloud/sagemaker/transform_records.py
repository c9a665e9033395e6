"""A batch transform's records: split from objects, filtered, batched, joined with their results."""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from everloop_localcloud.kernel.errors import validation

csv.field_size_limit(2**31 - 1)  # AWS has no limit of fields, only of payloads
_STEP = re.compile(
    r"\.(?P<name>[\w-]+)|\.(?P<all>\*)|\[(?P<star>\*)\]"
    r"|\[(?P<names>'[^']*'(?:\s*,\s*'[^']*')*)\]"
    r"|\[(?P<slice>-?\d*:-?\d*)\]|\[(?P<numbers>-?\d+(?:\s*,\s*-?\d+)*)\]"
)
_QUOTED = re.compile(r"'([^']*)'")


class BadRecord(Exception):
    """A record cannot be read, filtered or joined; the job fails with this reason."""


def lines(data: bytes) -> list[bytes]:
    """Split an object at line ends; an empty line is no record."""
    return [line.rstrip(b"\r") for line in data.split(b"\n") if line.strip()]


def batches(records: Sequence[bytes], most: int, *, single: bool) -> Iterator[list[int]]:
    """Yield which records go into each request: one, or as many as `most` bytes hold.

    `most` is 0 for no limit. Raises BadRecord for a record that alone is larger.
    """
    batch: list[int] = []
    size = 0
    for number, record in enumerate(records):
        length = len(record) + 1
        if most and length - 1 > most:
            raise BadRecord(
                f"Too much data for max payload size: record {number} has {length - 1} bytes,"
                f" MaxPayloadInMB allows {most}"
            )
        if batch and (single or (most and size + length > most)):
            yield batch
            batch, size = [], 0
        batch.append(number)
        size += length
    if batch:
        yield batch


class Path:
    """A filter's JSONPath, in the operators that AWS documents for batch transform."""

    def __init__(self, member: str, text: str) -> None:
        self._text = text
        self._steps: list[dict[str, str]] = []
        at = 1 if text.startswith("$") else 0
        while 0 < at < len(text):
            found = _STEP.match(text, at)
            if found is None:
                break
            self._steps.append({key: value for key, value in found.groupdict().items() if value})
            at = found.end()
        if at != len(text):
            raise validation(
                f"{member} {text!r} is no JSONPath of $, .name, ['name'], [1], [0,2], [1:], *"
            )

    @property
    def whole(self) -> bool:
        return not self._steps

    def pick(self, record: Any) -> Any:
        """Return what the path names. Raises BadRecord if that is not there."""
        for step in self._steps:
            record = self._follow(record, step)
        return record

    def _follow(self, value: Any, step: dict[str, str]) -> Any:
        try:
            if "name" in step:
                return value[step["name"]]
            if "names" in step:
                names = _QUOTED.findall(step["names"])
                found = [value[name] for name in names]
                return found[0] if len(found) == 1 else found
            if "slice" in step:
                begin, end = (int(part) if part else None for part in step["slice"].split(":"))
                return value[begin:end]
            if "numbers" in step:
                found = [value[int(number)] for number in step["numbers"].split(",")]
                return found[0] if len(found) == 1 else found
        except (KeyError, IndexError, TypeError) as error:
            raise BadRecord(f"{self._text} is not in the record {str(value)[:200]}") from error
        return list(value.values()) if isinstance(value, dict) else value


class Format:
    """How records of a content type are read and written: CSV rows or JSON values."""

    def __init__(self, content_type: str) -> None:
        kind = content_type.partition(";")[0].strip().lower()
        self.csv = kind == "text/csv"
        self.known = self.csv or kind in ("application/json", "application/jsonlines")

    def read(self, record: bytes) -> Any:
        try:
            if self.csv:
                return next(csv.reader([record.decode()]), [])
            return json.loads(record)
        except (ValueError, RecursionError, csv.Error) as error:
            raise BadRecord(f"a record cannot be read: {error}: {record[:200]!r}") from error

    def write(self, value: Any) -> bytes:
        if not self.csv:
            return json.dumps(value).encode()
        out = io.StringIO()
        row = value if isinstance(value, list) else [value]
        csv.writer(out, lineterminator="").writerow(row)
        return out.getvalue().encode()

    def join(self, given: Any, result: Any) -> Any:
        """Return a record with its result, as AWS joins them."""
        if self.csv:
            return [*given, *(result if isinstance(result, list) else [result])]
        if isinstance(given, dict):
            return {**given, "SageMakerOutput": result}
        return {"SageMakerInput": given, "SageMakerOutput": result}
