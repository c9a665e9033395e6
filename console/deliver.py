"""What people bring: a model's folder (push) and data (drop). Both are plain uploads to S3."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from console.site import Site
from console.trouble import Trouble
from everloop.bundle import open_bundle, pack
from everloop.errors import BadInput
from everloop.spec import load_spec


def push(site: Site, folder: Path) -> dict[str, Any]:
    """Pack a model's folder, check it as the stack will, and upload it."""
    if not folder.is_dir():
        raise Trouble(f"{folder} is no folder. A model is a folder: everloop push models/NAME")
    model = folder.resolve().name
    try:
        data = pack(folder)
        bundle = open_bundle(data)
        load_spec(bundle.text("model.toml"), name=model, source=str(folder / "model.toml"))
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


def drop(
    site: Site, model: str, paths: list[Path], *, prefix: str, progress: Callable[[int], None]
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
