"""Lists in pages, as Lambda gives them: after a marker, at most so many."""

from typing import Any


def paged(names: list[str], request: dict[str, Any], most: int) -> tuple[list[str], str | None]:
    """Return one page of names after `Marker`, and the marker of the next."""
    after = request.get("Marker", "")
    left = [name for name in names if name > after]
    page = left[: min(request.get("MaxItems", most), most)]
    return page, page[-1] if len(page) < len(left) else None
