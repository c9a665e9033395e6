"""What a look gets for late labels: label files, predictions kept, and whose they were."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from everloop.aws import ledger, monitoring, people, storage
from everloop.aws.settings import settings
from everloop.decisions import late_labels, seals
from everloop.decisions.late_labels import LabelFiles
from everloop.decisions.releases import Serving
from everloop.errors import BadInput
from everloop.flows import sealing
from everloop.messages import Message
from everloop.moments import text
from everloop.names import digest
from everloop.pipelines.processing import MANIFEST
from everloop.records.installation import Installation
from everloop.spec import policy

# Versions before the serving one whose holdout is looked up, the newest first.
_MOST_VERSIONS = 10


@dataclass(frozen=True)
class Inputs:
    """URIs of manifests, and of where predictions are kept; None where there is nothing."""

    labels: str | None = None
    late: str | None = None
    kept: str | None = None


def label_files(installed: Installation, since: datetime, until: datetime) -> LabelFiles:
    """Return which label files count for a look, and how many of them are new."""
    if not policy.joins_labels(installed.spec):
        return LabelFiles()
    prefix = _labels(installed.model)
    listed = storage.listed(settings().data_bucket, prefix)
    named = ((key.removeprefix(prefix), came) for key, came in listed)
    return late_labels.label_files(named, since, until, policy.labels_within(installed.spec))


def inputs(
    installed: Installation, folder: str, labels: LabelFiles, serving: Serving, until: datetime
) -> Inputs:
    """Write what a look gets, below its folder; the same look writes the same."""
    if not policy.joins_labels(installed.spec):
        return Inputs()
    spec, model, version = installed.spec, installed.model, serving.version
    assert version is not None
    within = policy.labels_within(spec)
    oldest = f"{until - within:%Y-%m-%d}"
    look = late_labels.look_id(monitoring.last_look(model))
    timeline = late_labels.served(
        ledger.releases(model), version, serving.changed_at, policy.deploy(spec).steps
    )
    place = f"predictions/{late_labels.kept_days(within)}d/{model}"
    kept = _kept(model, oldest, look) if labels.files else []
    versions = {served for _, served in timeline if served is not None} - {version}
    others = _evaluations(installed, versions) if labels.files else {}
    previous = _previous(model)
    described = {
        "look": look,
        "until": text(until),
        "oldest": oldest,
        "served": timeline,
        "labels": {
            "files": [[name, text(came)] for name, came in labels.files],
            "refused": [[name, text(came), why] for name, came, why in labels.refused],
        },
        "kept": place,
        "predictions": kept,
        "evaluations": others,
        "previous": previous,
    }
    bucket = settings().artefact_bucket
    key = f"{folder}/look.json"
    storage.write(bucket, key, json.dumps(described).encode(), "application/json")
    more = [*kept, *others.values(), *([previous] if previous else [])]
    return Inputs(
        labels=manifest(
            f"{folder}/labels{MANIFEST}",
            f"s3://{settings().data_bucket}/{_labels(model)}",
            [name for name, _ in labels.files],
        ),
        late=manifest(f"{folder}/late{MANIFEST}", f"s3://{bucket}/", [key, *more]),
        kept=f"s3://{bucket}/{place}",
    )


def notify_refused(
    installed: Installation, findings: Mapping[str, Any], findings_uri: str, time: datetime
) -> None:
    """Notify people of label files that came since the look before and cannot be used."""
    records = late_labels.label_records(findings, "refused")
    refused = [each for each in records if each.get("new")]
    if not refused:
        return
    message = Message(
        kind="labels-refused",
        model=installed.model,
        happened=f"{len(refused)} new files of labels cannot be used",
        why="\n".join(str(each.get("why")) for each in refused),
        id=digest(sorted([str(each.get("file")), str(each.get("came"))] for each in refused)),
        to_do=(
            "Upload them again, as each reason says:",
            f"  everloop label {installed.model} FILE.csv",
        ),
        links={"findings": findings_uri},
    )
    people.notify(message, installed.spec, time)


def manifest(key: str, prefix: str, names: list[str]) -> str | None:
    """Write which files a job gets, as SageMaker reads it; return its URI.

    None for no files: SageMaker takes an input without any for an error.
    """
    if not names:
        return None
    body = json.dumps([{"prefix": prefix}, *names], ensure_ascii=False).encode()
    return storage.write(settings().artefact_bucket, key, body, "application/json")


def _labels(model: str) -> str:
    return f"labels/{model}/"


def _kept(model: str, oldest: str, look: str) -> list[str]:
    """Return the files of predictions that labels may still come for, but this look's own.

    All prefixes are listed: what was kept before `labels_within` was changed lies where it lay.
    """

    def all_of_them() -> Iterator[str]:
        for days in late_labels.KEPT_DAYS:
            prefix = f"predictions/{days}d/{model}/"
            listed = storage.listed(settings().artefact_bucket, prefix, after=prefix + oldest)
            yield from (key for key, _ in listed)

    return late_labels.kept_files(all_of_them(), oldest, look)


def _evaluations(installed: Installation, versions: set[int]) -> dict[int, str]:
    """Return where the evaluations lie of versions that served before, as far as they do."""
    bucket, places = settings().artefact_bucket, {}
    group = installed.pipeline_arn.rpartition(":")[0]
    for version in sorted(versions, reverse=True)[:_MOST_VERSIONS]:
        try:
            arn = f"{group}:model-package/{installed.model}/{version}"
            metadata = sealing.metadata(installed.model, version, arn)
            place = storage.split(seals.uri(metadata, "evaluation-uri", arn))
        except BadInput:
            continue  # registered by somebody else, or gone unsealed: its days are not judged
        if place[0] == bucket and _there(place[1]):
            places[version] = place[1]
    return places


def _previous(model: str) -> str | None:
    """Return the key of the findings of the last look that ended well, if they are still there."""
    uri = monitoring.last_findings(model)
    if uri is None:
        return None
    bucket, key = storage.split(uri)
    return key if bucket == settings().artefact_bucket and _there(key) else None


def _there(key: str) -> bool:
    """Whether an object is there: an input that is missing would fail the job."""
    listed: Any = storage.listed(settings().artefact_bucket, key)
    return any(name == key for name, _ in listed)
