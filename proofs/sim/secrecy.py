"""What functions may not say in their logs: rows of anybody's data, and what wakes a machine."""

from collections.abc import Iterator

from proofs.sim.aws.account import Account

_ROWS = ("/holdout/data.csv", "/evaluation/predictions.csv")  # which functions read
_TELLING = 8  # characters: a shorter row may stand in a log by chance


def leaks(account: Account, logged: str) -> Iterator[str]:
    """Yield what was logged and is nobody's business."""
    for token in account.states.tokens:
        if token in logged:
            yield "the task token of a machine"
    for (bucket, key), versions in account.s3.objects.items():
        dropped = bucket == account.data_bucket and key.startswith("data/")
        if not dropped and not key.endswith(_ROWS):
            continue
        for version in versions:
            rows = version.data.decode().splitlines()[1:]
            if any(len(row) >= _TELLING and row in logged for row in set(rows)):
                yield f"rows of {key}"
