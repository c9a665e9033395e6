"""Lists as SageMaker answers them: filtered, sorted, in pages."""

from collections.abc import Callable, Iterable
from typing import Any

from everloop_localcloud.kernel.errors import validation

Record = dict[str, Any]
_PAGE = 10  # as AWS pages where a request does not say: its clients are to follow NextToken


def page(
    records: Iterable[Record],
    request: Record,
    *,
    member: str,
    summary: Callable[[Record], Record],
    status: str | None = None,
    name: str | None = None,
    created: str = "CreationTime",
    sort: Callable[[Record], Any] | None = None,
) -> Record:
    """Return one page: filters by status, name and times, sorted as the request asks.

    `sort` is the key for orders other than by name and creation time.
    """
    found = list(records)
    if status and request.get("StatusEquals"):
        found = [record for record in found if record.get(status) == request["StatusEquals"]]
    if name and request.get("NameContains"):
        found = [record for record in found if request["NameContains"] in record[name]]
    for key in ("CreationTimeAfter", "CreatedAfter"):
        if key in request:
            found = [record for record in found if record[created] > request[key]]
    for key in ("CreationTimeBefore", "CreatedBefore"):
        if key in request:
            found = [record for record in found if record[created] < request[key]]
    if "LastModifiedTimeAfter" in request:
        after = request["LastModifiedTimeAfter"]
        found = [record for record in found if record.get("LastModifiedTime", after) > after]
    if "LastModifiedTimeBefore" in request:
        before = request["LastModifiedTimeBefore"]
        found = [record for record in found if record.get("LastModifiedTime", before) < before]
    by = name if name and request.get("SortBy") in ("Name", "PipelineName") else created
    if status and request.get("SortBy") == "Status":
        by = status
    found.sort(
        key=sort or (lambda record: record[by]),
        reverse=request.get("SortOrder", "Descending") == "Descending",
    )
    return pages(found, request, member, summary)


def pages(
    found: list[Record], request: Record, member: str, summary: Callable[[Record], Record]
) -> Record:
    """Cut a list into the page that the request's token asks for."""
    token = request.get("NextToken")
    if token is not None and not token.isdigit():
        raise validation("Invalid NextToken")
    begin = int(token or 0)
    size = request.get("MaxResults", _PAGE)
    answer: Record = {member: [summary(record) for record in found[begin : begin + size]]}
    if begin + size < len(found):
        answer["NextToken"] = str(begin + size)
    return answer


def pick(record: Record, *names: str) -> Record:
    return {name: record[name] for name in names if record.get(name) is not None}
