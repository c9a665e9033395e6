"""What people bring: a model's folder (push) and data (drop). Both are plain uploads to S3."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from everloop.aws import account, buckets, journal, ledger, shortages, storage
from everloop.aws.settings import settings
from everloop.bundle import Bundle, contents, open_bundle, packed
from everloop.errors import BadInput
from everloop.pipelines import own as own_pipeline
from everloop.pipelines.own import COMPILED, SOURCE, own_definition
from everloop.pipelines.standard import BundleRef, Site
from everloop.reading import attention
from everloop.reading import models as reading
from everloop.records.shortage import PUSH
from everloop.spec import model_images, policy
from everloop.spec.model_spec import ModelSpec, load_spec
from everloop.views.attention import waits
from everloop_cli import drops, estimated, git, models, sdk
from everloop_cli.lookup import with_lookup
from everloop_cli.trouble import Trouble

_PATIENCE_S = 120  # for a push to be installed
_BETWEEN_S = 0.5
_MARKER = "_SUCCESS"  # that of most models, where the model is not known


def push(folder: Path) -> dict[str, Any]:
    """Pack a model's folder, check it as the stack will, and upload it.

    What the stack then makes of it: `answer`.
    """
    if not folder.is_dir():
        raise Trouble(f"{folder} is no folder. A model is a folder: everloop push models/NAME")
    model = folder.resolve().name
    try:
        files = with_lookup(contents(folder), model)
        data = packed(sdk.with_pipeline(folder, files, model))
        bundle = open_bundle(data)
        spec = load_spec(bundle.text("model.toml"), name=model, source=str(folder / "model.toml"))
        bundle.require(spec.scripts)
        region = settings().region
        model_images.check(policy.document(spec), region)
        _check_pipeline(region, bundle, spec)
    except BadInput as error:
        raise Trouble(f"{folder} cannot be pushed:\n{error}") from error
    at = git.commit(folder)
    bucket, key = settings().data_bucket, _bundle_key(model)
    who = {"pushed-by": account.caller().arn}  # who may not be one of the two who approve
    version = storage.write_version(bucket, key, data, "application/gzip", {**at, **who})
    note = policy.rollout_note(policy.document(spec))
    return {
        "model": model,
        "digest": bundle.digest,
        "bytes": len(data),
        "to": f"s3://{bucket}/{key}",
        "version_id": version,
        "commit": at.get("git-commit"),
        "changed_files": int(at["git-changed"]) if at else None,
        "notes": [note] if note else [],
        "costs": estimated.of_document(policy.document(spec), region),
    }


def answer(model: str, version_id: str) -> dict[str, Any]:
    """Wait until the stack has installed a push, and return how long it took.

    `waits_for` is told where AWS lets the stack install it only later. Raises Trouble for a push
    that is refused, and for one that nothing answers.
    """
    began = time.monotonic()
    while (waited := time.monotonic() - began) < _PATIENCE_S:
        decided = journal.find(model, f"install:{model}:{version_id}")
        if decided is not None and not decided["go"]:
            before = ledger.find_installed(model)
            still = "What was installed before still is." if before else "It is not installed."
            raise Trouble(f"the push was refused: {decided['reason']}\n{still}")
        if decided is not None:
            return {"installed": True, "seconds": round(waited, 1), "waits_for": None}
        shortage = shortages.find(model, PUSH)
        if shortage is not None and shortage.subject == version_id:
            (wait,) = waits(model, [shortage])
            return {"installed": False, "seconds": round(waited, 1), "waits_for": wait.found}
        time.sleep(_BETWEEN_S)
    raise Trouble(
        f"{model} was uploaded, and after {_PATIENCE_S} s the stack has neither installed nor "
        "refused it. What is wrong with the stack: everloop doctor. Where the event failed: "
        "everloop redrive"
    )


def _bundle_key(model: str) -> str:
    return f"models/{model}/bundle.tar.gz"


def _check_pipeline(region: str, bundle: Bundle, spec: ModelSpec) -> None:
    """Check as the stack will; only names that no pipeline.py can know stand for its own."""
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
    model: str,
    paths: list[Path],
    *,
    prefix: str,
    progress: Callable[[str, int, int], None],
    anyway: bool = False,
) -> dict[str, Any]:
    """Check files and folders, and upload them below `data/<model>/`; markers come last.

    `progress` gets what is done, how many bytes of how many. `anyway` uploads whatever is there.
    Raises Trouble, before anything is uploaded, for a model that is not installed and bad files.
    """
    spec = _spec(model, anyway)
    marker = str(spec["data"]["marker"]) if spec else _MARKER
    collected = drops.collected(paths, marker, anyway=anyway)
    if spec is not None and not anyway:
        total = collected.bytes
        drops.inspect(collected, spec, lambda count: progress("reading", count, total), prefix)
    if collected.problems:
        raise Trouble(
            "nothing was dropped, as these files cannot be trained on:\n"
            + "\n".join(some(collected.problems))
            + "\nMend them, or drop them all the same: --anyway"
        )
    if not collected.files:
        left_out = "\n".join(some(collected.left_out))
        raise Trouble(f"nothing to drop: name files or folders that hold some\n{left_out}".strip())
    bucket, total = settings().data_bucket, collected.bytes
    for name, path in collected.in_order(marker):
        key = f"data/{model}/{prefix}{name}"
        buckets.upload(path, bucket, key, lambda count: progress("dropping", count, total))
    return {
        "model": model,
        "files": len(collected.files),
        "bytes": total,
        "to": f"s3://{bucket}/data/{model}/",
        "left_out": collected.left_out,
        "warnings": collected.warnings,
    }


_SHOWN = 20


def some(lines: list[str]) -> list[str]:
    """Return the first lines of many, and how many more there are."""
    more = [f"… and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return lines[:_SHOWN] + more


def _spec(model: str, anyway: bool) -> Mapping[str, Any] | None:
    """Return the installed spec; a push that is on its way is waited for.

    None where nobody pushed the model, and data is to be uploaded `anyway`.
    """
    for _ in range(_PATIENCE_S):
        if model in reading.names():
            return ledger.installed(model).spec
        if anyway or not _on_its_way(model):
            break
        time.sleep(1)
    if anyway:
        return None
    try:
        models.known(model)
    except Trouble as error:
        raise Trouble(f"{error}. Data for it would wait unheard: --anyway drops it") from error
    return ledger.installed(model).spec


def _on_its_way(model: str) -> bool:
    pushed = attention.not_installed().get(model)
    return pushed is not None and not pushed.wrong
