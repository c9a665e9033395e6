"""Traffic as an airline's own systems would send it: a month's flights, scored before departure."""

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from everloop_cli.site import Site


def send(
    site: Site, endpoint: str, month: bytes, *, target: str, requests: int, rows: int
) -> dict[str, Any]:
    """Score an even sample of the month's rows, without their target, in batches of `rows`.

    Each row keeps its key, by which the monitor finds its label later. Raises what InvokeEndpoint
    raises.
    """
    reader = csv.DictReader(io.StringIO(month.decode()))
    names = [name for name in reader.fieldnames or [] if name != target]
    flights = list(reader)
    step = max(1, len(flights) // (requests * rows))
    sample = flights[::step][: requests * rows]
    batches = [sample[at : at + rows] for at in range(0, len(sample), rows)]
    runtime = site.client("sagemaker-runtime")

    def score(batch: list[dict[str, str]]) -> int:
        text = io.StringIO()
        writer = csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(batch)
        answer = runtime.invoke_endpoint(
            EndpointName=endpoint, ContentType="text/csv", Accept="text/csv", Body=text.getvalue()
        )
        return len(answer["Body"].read().split())

    with ThreadPoolExecutor(max_workers=4) as pool:
        scored = sum(pool.map(score, batches))
    return {"requests": len(batches), "rows": len(sample), "scores": scored}
