"""What people bring: a model's folder (push) and data (drop). Both are plain uploads to S3."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from console import sdk
from console.site import Site as Stack
from console.trouble import Trouble
from everloop import own_pipeline
from everloop.bundle import Bundle, contents, open_bundle, packed
from everloop.definition import BundleRef, Site
from everloop.errors import BadInput
from everloop.own_pipeline import COMPILED, SOURCE, own_definition
from everloop.spec import ModelSpec, load_spec


def push(site: Stack, folder: Path) -> dict[str, Any]:
    """Pack a model's folder, check it as the stack will, and upload it."""
    if not folder.is_dir():
        raise Trouble(f"{folder} is no folder. A model is a folder: everloop push models/NAME")
    model = folder.resolve().name
    try:
        data = packed(sdk.with_pipeline(folder, contents(folder), model))
        bundle = open_bundle(data)
        spec = load_spec(bundle.text("model.toml"), name=model, source=str(folder / "model.toml"))
        _check_pipeline(site, bundle, spec)
    except BadInput as error:
        raise Trouble(f"{folder} cannot be pushed:\n{error}") from error
    key = f"models/{model}/bundle.tar.gz"
    bucket = site.output("DataBucket")
    site.s3.put_object(Bucket=bucket, Key=key, Body=data)
    return {
        "model": model,
        "digest": bundle.digest,
        "bytes": len(data),
        "to": f"s3://{bucket}/{key}",
    }


def _check_pipeline(site: Stack, bundle: Bundle, spec: ModelSpec) -> None:
    """Check as the stack will; only names that no pipeline.py can know stand for its own."""
    region = site.sagemaker.meta.region_name
    any_stack = Site("artefacts", region, "arn:aws:iam::123456789012:role/stack", "s3://artefacts")
    own_definition(bundle, spec, any_stack, BundleRef("s3://artefacts/bundle.tar.gz", "0" * 64))


def compile_pipeline(folder: Path) -> dict[str, Any]:
    """Write pipeline.json beside a folder's pipeline.py, so that a push needs no SDK."""
    if not (folder / SOURCE).is_file():
        raise Trouble(f"{folder} has no {SOURCE}; without one, the default pipeline is rendered")
    model = folder.resolve().name
    try:
        files = contents(folder)
        current = own_pipeline.is_current(files)
        made = sdk.with_pipeline(folder, files, model)[COMPILED]
    except BadInput as error:
        raise Trouble(f"{folder} cannot be compiled:\n{error}") from error
    (folder / COMPILED).write_bytes(made)
    return {"model": model, "to": str(folder / COMPILED), "bytes": len(made), "current": current}


def drop(
    site: Stack, model: str, paths: list[Path], *, prefix: str, progress: Callable[[int], None]
) -> dict[str, Any]:
    """Upload files and folders below `data/<model>/`; `progress` is told the bytes as they go."""
    files = list(_files(paths))
    if not files:
        raise Trouble("nothing to drop: name files or folders that hold some")
    bucket = site.output("DataBucket")
    for path, relative in files:
        key = f"data/{model}/{prefix}{relative}"
        site.s3.upload_file(str(path), bucket, key, Callback=progress)
    total = sum(path.stat().st_size for path, _ in files)
    return {
        "model": model,
        "files": len(files),
        "bytes": total,
        "to": f"s3://{bucket}/data/{model}/",
    }


def _files(paths: list[Path]) -> list[tuple[Path, str]]:
    found = []
    for path in paths:
        if path.is_dir():
            for child in sorted(path.rglob("*")):
                if child.is_file():
                    found.append((child, os.path.relpath(child, path).replace(os.sep, "/")))
        elif path.is_file():
            found.append((path, path.name))
        else:
            raise Trouble(f"{path} is neither file nor folder")
    return found
