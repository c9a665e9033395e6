"""Answer as inference.py does, and write down what was asked without its personal values.

SageMaker's own capture writes requests as they came. So it is off for a model with [privacy], and
a push puts this file into the bundle, as the program that the endpoint runs. Each record has the
form of SageMaker's. Columns that the model does not know are hidden, too.
"""

import atexit
import base64
import json
import os
import random
import re
import sys
import threading
import uuid
from datetime import UTC, datetime
from pathlib import Path

import inference  # the model's own


def _readers():
    """Import the readers of requests, which the jobs have as well, under no name of the model's."""
    names = ("masking", "sent_columns", "json_rows", "payloads")
    own = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    place = str(Path(__file__).with_name("everloop_reader"))
    sys.path.insert(0, place)
    try:
        return [__import__(name) for name in names]
    finally:
        sys.path.remove(place)
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(own)


masking, sent_columns, _, payloads = _readers()

_CONFIG = json.loads((Path(__file__).with_name("everloop_reader") / "config.json").read_text())
_SECONDS = 10  # until what was captured is written
_MOST_RECORDS, _MOST_BYTES = 500, 1_000_000  # that wait to be written
_LONGEST = 2_000_000  # bytes of a request that is read; of a longer one nothing is kept
EXPLAINS = ";everloop=explain"  # what `everloop explain` accepts: these are nobody's requests
_SHORT = 4  # characters of a value that is looked for in an answer


class Request:
    """A request on its way through the three steps of inference.py."""

    def __init__(self, body, content_type, data, answer=None):
        self.body, self.content_type = body, content_type
        self.data, self.answer = data, answer


def model_fn(model_dir):
    _capture.begin()
    return inference.model_fn(model_dir)


def input_fn(body, content_type):
    return Request(body, content_type, _capture.hidden(inference.input_fn(body, content_type)))


def predict_fn(request, model):
    answer = inference.predict_fn(request.data, model)
    return Request(request.body, request.content_type, None, answer)


def output_fn(request, accept):
    plain = accept.removesuffix(EXPLAINS) if isinstance(accept, str) else accept
    answer = inference.output_fn(request.answer, plain)
    if plain == accept:
        _capture.add(request, answer, accept)
    return answer


class Capture:
    """Records that wait to be written, and where to; nothing where the endpoint captures none."""

    def __init__(self, environment):
        self._place = environment.get("EVERLOOP_CAPTURE", "")
        self._share = float(environment.get("EVERLOOP_CAPTURE_PERCENT") or 0) / 100
        self._statistics = environment.get("EVERLOOP_STATISTICS", "")
        self._key = environment.get("EVERLOOP_MASKING_KEY", "")
        self._region = environment.get("SAGEMAKER_REGION") or environment.get("AWS_REGION")
        self._lock = threading.Lock()
        self._lines, self._size, self._timer = [], 0, None
        self._masking = self._columns = self._s3 = None

    def begin(self):
        """Get ready. An endpoint that could not hide what it is sent does not start."""
        if not self._key:
            return  # staging, or a transform job: what they are sent is hidden already
        import boto3
        from botocore.config import Config

        limits = Config(connect_timeout=10, read_timeout=20, retries={"total_max_attempts": 4})
        kms = boto3.client("kms", region_name=self._key.split(":")[3], config=limits)
        said = masking.message(_CONFIG["model"])
        mac = kms.generate_mac(KeyId=self._key, Message=said, MacAlgorithm="HMAC_SHA_256")["Mac"]
        self._masking = masking.Masking(_CONFIG, _CONFIG["named"], mac)
        self._s3 = boto3.client("s3", region_name=self._region, config=limits)
        bucket, _, key = self._statistics.partition("s3://")[2].partition("/")
        known = json.loads(self._s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        data = _CONFIG["data"]
        self._columns = sent_columns.Columns.of(
            known, data["key"], data["timestamp"], data["target"], data["columns"] or {}
        )
        atexit.register(self.flush)

    def hidden(self, data):
        """Return a DataFrame with tokens, as the model was trained with; anything else as it is."""
        if self._masking is None or not hasattr(data, "columns"):
            return data
        personal = [name for name in self._masking.columns if name in data.columns]
        if not personal:
            return data
        data = data.copy()
        for name in personal:
            data[name] = [self._masking.cell(name, value) for value in data[name]]
        return data

    def add(self, request, answer, accept):
        """Keep a request and its answer; whatever is wrong with that, the client is answered."""
        if self._masking is None or random.random() >= self._share:
            return
        try:
            line = json.dumps(self._record(request, answer, accept)) + "\n"
            with self._lock:
                self._lines.append(line)
                self._size += len(line)
                full = len(self._lines) >= _MOST_RECORDS or self._size >= _MOST_BYTES
                if self._timer is None and not full:
                    self._timer = threading.Timer(_SECONDS, self.flush)
                    self._timer.daemon = True
                    self._timer.start()
            if full:
                self.flush()
        except Exception as error:  # its words may hold what was sent
            print(f"a request was not captured: {type(error).__name__}", file=sys.stderr)

    def flush(self):
        """Write what waits as an object of its own; what cannot be written is lost, and said."""
        with self._lock:
            lines, self._lines, self._size = self._lines, [], 0
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        if not lines:
            return
        now = datetime.now(UTC)
        bucket, _, prefix = self._place.partition("s3://")[2].partition("/")
        key = f"{prefix}/{now:%Y/%m/%d/%H/%M-%S}-{now.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
        body = "".join(lines).encode()
        try:
            self._s3.put_object(
                Bucket=bucket, Key=key, Body=body, ContentType="application/jsonlines"
            )
        except Exception as error:
            print(f"{len(lines)} records were not captured: {error}", file=sys.stderr)

    def _record(self, request, answer, accept):
        try:
            rows = self._rows(request)
        except payloads.BROKEN:
            rows = None  # nothing of what nobody can read is kept
        shown = [] if rows is None else [self._shown(row) for row in rows]
        told = {
            "endpointInput": {
                "observedContentType": "application/json",
                "mode": "INPUT",
                "data": json.dumps(shown) if rows is not None else "",
                "encoding": "JSON",
            },
            "endpointOutput": {"mode": "OUTPUT", **self._answered(answer, accept, rows or [])},
        }
        now = datetime.now(UTC)
        time_of = f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z"
        meta = {"eventId": str(uuid.uuid4()), "inferenceTime": time_of}
        return {"captureData": told, "eventMetadata": meta, "eventVersion": "0"}

    def _rows(self, request):
        body = request.body
        body = body.encode() if isinstance(body, str) else bytes(body)
        if len(body) > _LONGEST:
            raise ValueError("too long")
        return payloads.rows_of(body, str(request.content_type), self._columns)

    def _shown(self, row):
        known = {n: v if n in self._columns.known else masking.MASK for n, v in row.items()}
        return self._masking.row(known)

    def _answered(self, answer, accept, rows):
        """Return an answer as it is captured: without the personal values that it repeats."""
        if isinstance(answer, tuple):
            answer, accept = answer[0], answer[1]
        if isinstance(answer, (dict, list)):
            answer, accept = json.dumps(answer), "application/json"
        if not isinstance(answer, (str, bytes, bytearray)):
            answer = getattr(answer, "response", "")  # of the containers' own toolkit
        told = {"observedContentType": str(accept), "encoding": "CSV"}
        try:
            text = answer if isinstance(answer, str) else bytes(answer).decode()
        except (UnicodeDecodeError, TypeError):
            return {**told, "data": base64.b64encode(bytes(answer)).decode(), "encoding": "BASE64"}
        if "json" in str(accept):
            told["encoding"] = "JSON"
        for row in rows:
            for name in self._masking.columns:
                value = str(row.get(name) or "")
                if len(value) >= _SHORT and value in text:
                    own = rf"(?<![\w.]){re.escape(value)}(?![\w.])"
                    text = re.sub(own, str(self._masking.cell(name, value)), text)
        return {**told, "data": text}


_capture = Capture(os.environ)
