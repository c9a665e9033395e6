"""A processing container's file system, in which a job runs as SageMaker runs it."""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from job_image import Image

from everloop.spec import policy
from everloop.spec.model_spec import load_spec

ROOT = Path(__file__).parents[1]
MEAN_PRICE = ROOT / "tests" / "e2e" / "models" / "mean-price"
JOBS = ROOT / "jobs" / "everloop_jobs"
BUCKET = "everloop-data-123456789012-us-east-1"

# An inference.py that answers with the column of the request that its artefact names.
PICK = """
import csv, io, pathlib
def model_fn(model_dir): return (pathlib.Path(model_dir) / "column").read_text()
def input_fn(body, content_type): return list(csv.DictReader(io.StringIO(body)))
def predict_fn(rows, column): return [row[column] for row in rows]
def output_fn(scores, accept): return "".join(score + "\\n" for score in scores)
"""


class Container:
    """/opt/ml of one processing job."""

    def __init__(self, root: Path, endpoint_url: str, image: Image) -> None:
        self.root = root
        self._image = image
        self._environment = {
            "PATH": os.environ["PATH"],
            "EVERLOOP_ML_ROOT": str(root),
            "OMP_NUM_THREADS": "1",  # tests share the cores: threads that wait would spin
            "AWS_ENDPOINT_URL": endpoint_url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    def input(self, name: str) -> Path:
        folder = self.root / "processing" / "input" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def output(self, name: str) -> Path:
        return self.root / "processing" / "output" / name

    def page(self, output: str) -> str:
        return (self.output(output) / "report.html").read_text()

    def read(self, path: str) -> Any:
        """Read an output as strict JSON: NaN and infinity are no JSON."""

        def refuse(constant: str) -> None:
            raise ValueError(f"{constant} in {path} is no JSON")

        return json.loads(self.output(path).read_text(), parse_constant=refuse)

    @property
    def message(self) -> str:
        return (self.root / "output" / "message").read_text()

    def code(self, bundle: bytes, spec: Mapping[str, Any], name: str = "code") -> None:
        (self.input(name) / "bundle.tar.gz").write_bytes(bundle)
        (self.input(name) / "spec.json").write_text(json.dumps(spec))

    def model(self, files: Mapping[str, str], name: str = "model") -> None:
        (self.input(name) / "model.tar.gz").write_bytes(archive(files))

    def run(self, script: str, environment: Mapping[str, str] | None = None) -> int:
        variables = {**self._environment, **(environment or {})}
        done = self._image.run(JOBS / script, variables, self.root, 120)
        print(done.stdout, done.stderr)
        return done.returncode

    def succeed(self, script: str, environment: Mapping[str, str] | None = None) -> str:
        assert self.run(script, environment) == 0
        return self.message

    def fail(self, script: str, environment: Mapping[str, str] | None = None) -> str:
        assert self.run(script, environment) == 1
        return self.message

    def look(self, sent: str, answered: str, labels: str) -> Any:
        """Have monitor.py look at a request, its answer and a file of late labels.

        All are CSV, but for the answer with a header. Return what the look found.
        """
        csv = {"observedContentType": "text/csv", "encoding": "CSV"}
        captured = {
            "endpointInput": {**csv, "data": sent},
            "endpointOutput": {**csv, "data": answered},
        }
        meta = {"eventId": "e1", "inferenceTime": "2026-04-01T08:00:00Z"}
        record = {"captureData": captured, "eventMetadata": meta, "eventVersion": "0"}
        (self.input("capture") / "x.jsonl").write_text(json.dumps(record) + "\n")
        (self.input("labels") / "late.csv").write_text(labels)
        look = {
            "look": "l1",
            "until": "2026-04-09T00:00:00Z",
            "oldest": "2026-03-01",
            "served": [["", 2]],
            "labels": {"files": [["late.csv", "2026-04-08T09:00:00Z"]], "refused": []},
            "kept": "predictions/30d/m",
            "predictions": [],
            "evaluations": {},
            "previous": None,
        }
        folder = self.input("late") / "monitoring" / "m" / "x"
        folder.mkdir(parents=True)
        (folder / "look.json").write_text(json.dumps(look))
        about = {"MODEL": "m", "ENDPOINT": "m", "VERSION": "2", "FROM": "a", "TO": "b"}
        self.succeed("monitor.py", {f"EVERLOOP_{key}": value for key, value in about.items()})
        return self.read("findings/findings.json")


class Drops:
    """The data bucket, and manifests of what was dropped into it."""

    def __init__(self, endpoint_url: str) -> None:
        self._s3 = boto3.client(
            "s3",
            endpoint_url=endpoint_url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        self._s3.create_bucket(Bucket=BUCKET)
        self._s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})

    def put(self, key: str, data: str | bytes) -> dict[str, Any]:
        """Drop an object; return it as a manifest lists it."""
        body = data.encode() if isinstance(data, str) else data
        answer = self._s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return {
            "bucket": BUCKET,
            "key": key,
            "version_id": answer["VersionId"],
            "etag": hashlib.md5(body).hexdigest(),
            "size": len(body),
            "window": 1,
        }

    def read(self, key: str) -> Any:
        """Read an object that a job put."""
        return json.loads(self._s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())

    def text(self, key: str) -> str:
        return str(self._s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode())

    def below(self, prefix: str) -> dict[str, bytes]:
        """Return what lies below a prefix, by the rest of its key."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return {
            key.removeprefix(prefix): self._s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
            for key in keys
        }

    def erase(self, entry: Mapping[str, Any]) -> None:
        self._s3.delete_object(Bucket=BUCKET, Key=entry["key"], VersionId=entry["version_id"])


def spec_of(**sections: Mapping[str, Any]) -> dict[str, Any]:
    """Return mean-price's spec.json with keys of sections replaced."""
    spec = policy.document(load_spec((MEAN_PRICE / "model.toml").read_text(), name="mean-price"))
    for section, keys in sections.items():
        spec[section] = {**spec[section], **keys}
    return spec


def archive(files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as packed:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            packed.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def bundle_with(files: Mapping[str, str]) -> bytes:
    """Return mean-price's bundle with files added or replaced."""
    own = {
        path.name: path.read_text()
        for path in MEAN_PRICE.iterdir()
        if path.suffix in (".py", ".toml")
    }
    return archive({**own, **files})
