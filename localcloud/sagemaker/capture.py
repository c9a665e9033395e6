"""Data capture: a sample of requests and answers as JSON lines in S3, by UTC hour."""

import base64
import json
import random
import threading
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localcloud.cloud import Cloud

Record = dict[str, Any]


class Capture:
    """Collects records of one endpoint until they are flushed."""

    def __init__(self, cloud: "Cloud", endpoint: str) -> None:
        self._cloud = cloud
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._lines: dict[tuple[str, str], list[str]] = {}
        self._random = random.Random(endpoint)

    def take(
        self,
        config: Record,
        variant: str,
        headers: dict[str, str],
        body: bytes,
        answer_type: str,
        answer: bytes,
        inference_id: str | None,
    ) -> None:
        """Keep one request and its answer if the config's sample says so."""
        wanted = config.get("DataCaptureConfig")
        if not wanted or not wanted.get("EnableCapture"):
            return
        with self._lock:
            if self._random.random() * 100 >= wanted["InitialSamplingPercentage"]:
                return
        modes = {option["CaptureMode"] for option in wanted["CaptureOptions"]}
        types = wanted.get("CaptureContentTypeHeader") or {}
        captured: Record = {}
        if modes & {"Input", "InputAndOutput"}:
            sent = headers.get("Content-Type", "")
            captured["endpointInput"] = _side(sent, "INPUT", body, types)
        if modes & {"Output", "InputAndOutput"}:
            captured["endpointOutput"] = _side(answer_type, "OUTPUT", answer, types)
        now = self._cloud.clock.now()
        meta = {"eventId": str(uuid.uuid4())}
        if inference_id:
            meta["inferenceId"] = inference_id
        meta["inferenceTime"] = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        line = json.dumps({"captureData": captured, "eventMetadata": meta, "eventVersion": "0"})
        place = wanted["DestinationS3Uri"].removeprefix("s3://").rstrip("/")
        folder = f"{place}/{self._endpoint}/{variant}/{now:%Y/%m/%d/%H}"
        with self._lock:
            self._lines.setdefault((folder, f"{now:%M-%S-%f}"[:-3]), []).append(line)

    def flush(self) -> None:
        """Write what was collected, one object per hour."""
        with self._lock:
            lines, self._lines = self._lines, {}
        by_folder: dict[str, list[str]] = {}
        names: dict[str, str] = {}
        for (folder, name), some in lines.items():
            by_folder.setdefault(folder, []).extend(some)
            names.setdefault(folder, name)
        for folder, some in by_folder.items():
            bucket, _, prefix = folder.partition("/")
            key = f"{prefix}/{names[folder]}-{uuid.uuid4()}.jsonl"
            data = ("\n".join(some) + "\n").encode()
            self._cloud.call("s3", "PutObject", {"Bucket": bucket, "Key": key, "Body": data})


def _side(content_type: str, mode: str, data: bytes, types: Record) -> Record:
    plain = content_type.partition(";")[0].strip()
    encoding = "BASE64"
    if plain in types.get("CsvContentTypes", ["text/csv"]):
        encoding = "CSV"
    elif plain in types.get("JsonContentTypes", ["application/json"]):
        encoding = "JSON"
    text = (
        base64.b64encode(data).decode() if encoding == "BASE64" else data.decode("utf-8", "replace")
    )
    return {"observedContentType": content_type, "mode": mode, "data": text, "encoding": encoding}
