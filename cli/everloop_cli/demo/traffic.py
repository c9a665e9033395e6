"""Traffic as an airline's own systems would send it: a month's flights, scored before departure."""

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from everloop.aws import endpoints
from everloop_cli.trouble import Trouble


def send(endpoint: str, month: bytes, *, target: str, requests: int, rows: int) -> dict[str, Any]:
    """Score an even sample of the month's rows, without their target, in batches of `rows`.

    Each row keeps its key, by which the monitor finds its label later. Raises Trouble where the
    endpoint does not answer with scores.
    """
    reader = csv.DictReader(io.StringIO(month.decode()))
    names = [name for name in reader.fieldnames or [] if name != target]
    flights = list(reader)
    step = max(1, len(flights) // (requests * rows))
    sample = flights[::step][: requests * rows]
    batches = [sample[at : at + rows] for at in range(0, len(sample), rows)]

    def score(batch: list[dict[str, str]]) -> int:
        text = io.StringIO()
        writer = csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(batch)
        status, scores, _ = endpoints.invoke(endpoint, text.getvalue().encode(), "text/csv")
        if status != 200:
            raise Trouble(f"the endpoint {endpoint} answered {status}: {scores}")
        return len(scores.split())

    with ThreadPoolExecutor(max_workers=4) as pool:
        scored = sum(pool.map(score, batches))
    return {"requests": len(batches), "rows": len(sample), "scores": scored}
