"""Data capture: a sample of requests and answers as JSON lines in S3, by hour (UTC).

Records lie in a journal file until they are uploaded, so that a killed cloud loses none.
"""

import base64
import json
import logging
import random
import threading
import time
import uuid
from typing import IO, Any

from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.sagemaker.behalf import Behalf

Record = dict[str, Any]
log = logging.getLogger(__name__)

# How long a record waits at most: so many real seconds, so many of the cloud's. AWS takes minutes.
_UPLOAD_SECONDS = (3.0, 120.0)
_MOST_RECORDS = 2000  # of one file


class Journal:
    """Files of captured records that are not in S3 yet, by the object that they will be."""

    def __init__(self, cloud: Account) -> None:
        self._cloud = cloud
        self._folder = cloud.folder / "capture"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._rows = cloud.store.table("sagemaker.captures")
        self._lock = threading.Lock()

    def open(self, bucket: str, key: str, role: str | None) -> tuple[str, IO[str]]:
        """Begin a file that `role` will put as this object; returns its name and the file."""
        name = uuid.uuid4().hex
        self._rows[name] = {"bucket": bucket, "key": key, "role": role}
        return name, (self._folder / name).open("w")

    def upload(self, name: str) -> None:
        """Put a closed file to S3 and forget it; doing it twice writes the same object."""
        row = self._rows[name]
        path = self._folder / name
        try:
            if path.exists() and path.stat().st_size:
                Behalf(self._cloud, row.get("role")).upload(path, row["bucket"], row["key"])
        except AwsError as error:  # AWS, too, serves on without a capture that S3 refuses
            log.error("captured data is lost: s3://%s/%s: %s", row["bucket"], row["key"], error)
        del self._rows[name]
        path.unlink(missing_ok=True)

    def upload_left(self) -> None:
        """Put what a killed cloud left behind."""
        for name in list(self._rows):
            self.upload(name)


class Capture:
    """Captures of one endpoint."""

    def __init__(self, cloud: Account, endpoint: str, journal: Journal) -> None:
        self._cloud = cloud
        self._endpoint = endpoint
        self._journal = journal
        self._lock = threading.Lock()
        self._random = random.Random()
        self._open: dict[str, _File] = {}  # by folder in S3

    def take(
        self,
        deployed: Record,
        variant: str,
        sent: tuple[str, bytes],
        answered: tuple[str, bytes],
        *,
        inference_id: str | None,
        attributes: str | None,
    ) -> None:
        """Keep a request and its answer, each (content type, body), if the sample says so."""
        config = deployed.get("DataCaptureConfig")
        if not config or not config.get("EnableCapture", True):
            return
        if self._random.random() * 100 >= config["InitialSamplingPercentage"]:
            return
        now = self._cloud.clock.now()
        modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
        types = config.get("CaptureContentTypeHeader") or {}
        captured: Record = {}
        if modes & {"Input", "InputAndOutput"}:
            captured["endpointInput"] = _side("INPUT", *sent, types)
        if modes & {"Output", "InputAndOutput"}:
            captured["endpointOutput"] = _side("OUTPUT", *answered, types)
        meta: Record = {"eventId": str(uuid.uuid4())}
        if attributes:
            meta["customAttributes"] = [attributes]
        if inference_id:
            meta["inferenceId"] = inference_id
        meta["inferenceTime"] = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        line = json.dumps({"captureData": captured, "eventMetadata": meta, "eventVersion": "0"})
        place = config["DestinationS3Uri"].removeprefix("s3://").strip("/")
        folder = f"{place}/{self._endpoint}/{variant}/{now:%Y/%m/%d/%H}"
        with self._lock:
            file = self._open.get(folder)
            if file is None:
                bucket, _, prefix = folder.partition("/")
                key = f"{prefix}/{now:%M-%S}-{now.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
                role = next(
                    v["RoleArn"] for v in deployed["Variants"] if v["VariantName"] == variant
                )
                file = self._open[folder] = _File(*self._journal.open(bucket, key, role))
            file.write(line)

    def flush(self, *, everything: bool = False) -> None:
        """Upload files that are old or long enough."""
        with self._lock:
            real, cloud = _UPLOAD_SECONDS
            age = min(real, self._cloud.clock.real(cloud))
            due = [folder for folder, file in self._open.items() if everything or file.due(age)]
            files = [self._open.pop(folder) for folder in due]
            for file in files:
                file.close()
        for file in files:
            self._journal.upload(file.name)


class _File:
    def __init__(self, name: str, stream: IO[str]) -> None:
        self.name = name
        self._stream = stream
        self._records = 0
        self._began = time.monotonic()

    def write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()  # to the system: a killed process loses nothing of it
        self._records += 1

    def due(self, age: float) -> bool:
        late = time.monotonic() - self._began >= age
        return late or self._records >= _MOST_RECORDS

    def close(self) -> None:
        self._stream.close()


def _side(mode: str, content_type: str, data: bytes, types: Record) -> Record:
    """Return one side of a record: as text for the content types that the config names."""
    plain = content_type.partition(";")[0].strip().lower()
    encoding = "BASE64"
    for name, member in (("CSV", "CsvContentTypes"), ("JSON", "JsonContentTypes")):
        if plain in (known.lower() for known in types.get(member, [])):
            encoding = name
    if encoding != "BASE64":
        try:
            text = data.decode()
        except UnicodeDecodeError:
            encoding = "BASE64"
    if encoding == "BASE64":
        text = base64.b64encode(data).decode()
    return {"observedContentType": content_type, "mode": mode, "data": text, "encoding": encoding}
