"""The tags of SageMaker's resources, by ARN."""

from typing import Any

from everloop_localcloud.kernel.store import Store


class TagStore:
    """Keeps tags, whatever they are of: whoever makes or deletes a resource tells it."""

    def __init__(self, store: Store) -> None:
        self._rows = store.table("sagemaker.tags")

    def of(self, arn: str) -> dict[str, str]:
        return dict(self._rows.get(arn, {}))

    def put(self, arn: str, tags: dict[str, str]) -> None:
        self._rows[arn] = tags

    def keep(self, arn: str, request: dict[str, Any]) -> None:
        """Keep the tags that a resource was created with."""
        if request.get("Tags"):
            self.put(arn, {tag["Key"]: tag["Value"] for tag in request["Tags"]})

    def drop(self, arn: str) -> None:
        self._rows.pop(arn, None)
