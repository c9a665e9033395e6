"""The ledger: models, leases, task tokens, runs, releases. Keys as in docs/contracts.md."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from everloop.aws import table
from everloop.aws.table import model_key
from everloop.decisions.governor import Run
from everloop.decisions.mending import Lease
from everloop.decisions.releases import Release
from everloop.decisions.seals import Seal
from everloop.errors import BadInput, Conflict
from everloop.moments import epoch, moment, text

TRAINING, RELEASE = "training", "release"
_TOKEN_KEPT = timedelta(days=14)


@dataclass(frozen=True)
class Installed:
    """A model as it was pushed last: its spec (JSON) and where its parts lie."""

    model: str
    spec: Mapping[str, Any]
    bundle_digest: str
    bundle_uri: str
    jobs_uri: str
    pipeline_arn: str
    installed_at: datetime
    paused: str = ""  # why nothing new may start; empty while it may


@dataclass(frozen=True)
class Token:
    """A task token and what its machine waits for.

    `armed` says that the change was asked for: before that, what the endpoint says is about
    something else.
    """

    subject: str
    token: str
    model: str
    execution: str
    wanted: str
    armed: bool


def install(installed: Installed) -> None:
    """Write a model's spec and its place in the index."""
    # An update, so that a push does not end a pause.
    spec = table.action_update(
        model_key(installed.model, "SPEC"),
        "SET #spec = :spec, #bundle_digest = :bundle_digest, #bundle_uri = :bundle_uri, "
        "#jobs_uri = :jobs_uri, #pipeline_arn = :pipeline_arn, #installed_at = :installed_at",
        spec=dict(installed.spec),
        bundle_digest=installed.bundle_digest,
        bundle_uri=installed.bundle_uri,
        jobs_uri=installed.jobs_uri,
        pipeline_arn=installed.pipeline_arn,
        installed_at=text(installed.installed_at),
    )
    index = {"pk": "MODELS", "sk": installed.model, "installed_at": text(installed.installed_at)}
    table.transact([spec, table.action_put(index)], f"installation of {installed.model}")


def find_installed(model: str) -> Installed | None:
    item = table.get(model_key(model, "SPEC"))
    if item is None:
        return None
    return Installed(
        model=model,
        spec=item["spec"],
        bundle_digest=item["bundle_digest"],
        bundle_uri=item["bundle_uri"],
        jobs_uri=item["jobs_uri"],
        pipeline_arn=item["pipeline_arn"],
        installed_at=moment(item["installed_at"]),
        paused=item.get("paused") or "",
    )


def pause(model: str, why: str) -> None:
    """Let nothing new start for a model, and say why; an empty `why` lets it start again."""
    table.update(
        model_key(model, "SPEC"),
        "SET #paused = :why",
        condition="attribute_exists(#pk)",
        why=why,
    )


def installed(model: str) -> Installed:
    """Return a model's installation. Raises BadInput for a model nobody pushed."""
    found = find_installed(model)
    if found is None:
        raise BadInput(f"model: {model!r} is not installed; push its folder first")
    return found


def models() -> list[str]:
    return [item["sk"] for item in table.query("MODELS")]


def last_of_tick() -> str:
    """Return the model that the last tick of reconcile ended with, where one was not enough."""
    item = table.get({"pk": "RECONCILE", "sk": "LAST"}) or {}
    return str(item.get("model") or "")


def note_last_of_tick(model: str) -> None:
    table.put({"pk": "RECONCILE", "sk": "LAST", "model": model})


def lease(model: str, kind: str) -> Lease:
    item = table.get(model_key(model, f"LEASE#{kind}")) or {}
    return Lease(
        holder=item.get("holder") or "",
        epoch=int(item.get("epoch") or 0),
        until=moment(item["until"]) if item.get("until") else None,
        since=moment(item["since"]) if item.get("since") else None,
        waits_for=item.get("waits_for") or "",
    )


def take_lease(
    model: str, kind: str, holder: str, epoch_: int | None, now: datetime, until: datetime
) -> None:
    """Take a lease, or keep one's own. Raises Conflict while somebody else holds it.

    An epoch, where one is given, only grows: whoever comes with an older one than the lease has
    seen comes too late.
    """
    taken = "SET #holder = :holder, #until = :until, #since = :now"
    condition = (
        "(attribute_not_exists(#holder) OR #holder = :free OR #holder = :holder OR #until < :now)"
    )
    values: dict[str, Any] = {
        "holder": holder,
        "free": "",
        "until": text(until),
        "now": text(now),
    }
    if epoch_ is not None:
        taken += ", #epoch = :epoch"
        condition += " AND (attribute_not_exists(#epoch) OR #epoch <= :epoch)"
        values["epoch"] = epoch_
    key = model_key(model, f"LEASE#{kind}")
    table.update(key, f"{taken} REMOVE #waits_for", condition=condition, **values)


def note_wait(model: str, kind: str, holder: str, subject: str) -> None:
    """Write down what the holder's machine sleeps on, for reconcile to look at."""
    table.update(
        model_key(model, f"LEASE#{kind}"),
        "SET #waits_for = :subject",
        condition="#holder = :holder",
        subject=subject,
        holder=holder,
    )


def free_lease(model: str, kind: str, holder: str) -> bool:
    """Give a lease back; False if somebody else holds it (then there is nothing to give back)."""
    try:
        table.update(
            model_key(model, f"LEASE#{kind}"),
            "SET #holder = :free REMOVE #waits_for",
            condition="#holder = :holder",
            free="",
            holder=holder,
        )
    except Conflict:
        return False
    return True


def raise_epoch(model: str, kind: str, least: int) -> None:
    """See to it that the next holder's epoch is above `least`."""
    try:
        table.update(
            model_key(model, f"LEASE#{kind}"),
            "SET #epoch = :least",
            condition="attribute_not_exists(#epoch) OR #epoch < :least",
            least=least,
        )
    except Conflict:
        return  # it is already


def put_token(token: Token, now: datetime) -> None:
    """Write a task token before the work it waits for is asked for."""
    table.put(
        {
            "pk": f"RUN#{token.subject}",
            "sk": "TOKEN",
            "token": token.token,
            "model": token.model,
            "execution": token.execution,
            "wanted": token.wanted,
            "armed": token.armed,
            "expires": epoch(now + _TOKEN_KEPT),
        }
    )


def token(subject: str) -> Token | None:
    item = table.get({"pk": f"RUN#{subject}", "sk": "TOKEN"})
    if item is None:
        return None
    return Token(
        subject, item["token"], item["model"], item["execution"], item["wanted"], item["armed"]
    )


def drop_token(found: Token) -> None:
    """Forget a token that was used, unless another has taken its place."""
    try:
        table.delete(
            {"pk": f"RUN#{found.subject}", "sk": "TOKEN"},
            condition="#token = :token",
            token=found.token,
        )
    except Conflict:
        return


def put_run(model: str, run: Run) -> None:
    """Write a run down, whole: started, and again when it has ended."""
    table.put(
        {
            **model_key(model, f"RUN#{run.name}"),
            "name": run.name,
            "execution": run.execution,
            "dataset_digest": run.dataset_digest,
            "bundle_digest": run.bundle_digest,
            "cause": run.cause,
            "started_at": text(run.started_at),
            "ended_at": text(run.ended_at) if run.ended_at else None,
            "outcome": run.outcome,
            "dataset_bytes": run.dataset_bytes,
            "rows": run.rows,
        }
    )


def runs(model: str) -> list[Run]:
    return [
        Run(
            name=item.get("name") or item["execution"],
            execution=item["execution"],
            dataset_digest=item["dataset_digest"],
            bundle_digest=item["bundle_digest"],
            cause=item["cause"],
            started_at=moment(item["started_at"]),
            outcome=item["outcome"],
            ended_at=moment(item["ended_at"]) if item.get("ended_at") else None,
            dataset_bytes=int(item.get("dataset_bytes") or 0),
            rows=item.get("rows"),
        )
        for item in table.query(f"MODEL#{model}", "RUN#")
    ]


def put_seal(model: str, seal: Seal) -> None:
    """Write a version's seal down, for good. Raises Conflict if it has one."""
    table.put(
        {**model_key(model, f"SEAL#{seal.version:08d}"), **asdict(seal)},
        condition="attribute_not_exists(#pk)",
    )


def seal(model: str, version: int) -> Seal | None:
    item = table.get(model_key(model, f"SEAL#{version:08d}"))
    if item is None:
        return None
    return Seal(**{each.name: item[each.name] for each in fields(Seal) if each.name in item})


def complete_seal(model: str, seal: Seal) -> None:
    """Add to a seal of before what it did not keep; what it says already stays as it is."""
    try:
        table.update(
            model_key(model, f"SEAL#{seal.version:08d}"),
            "SET #image = :image, #environment = :environment, #metadata = :metadata",
            condition="attribute_exists(#pk) AND attribute_not_exists(#metadata)",
            image=seal.image,
            environment=dict(seal.environment),
            metadata=dict(seal.metadata),
        )
    except Conflict:
        return  # another was faster


def put_release(model: str, release: Release, report_uri: str) -> None:
    """Write down how a release ended; `report_uri` is its tests' report, empty if it had none.

    What another release of the same epoch has written stays: this one takes the next epoch that
    is free. That happens only where the lease was deleted while a release was under way.
    """
    number = release.epoch
    while True:
        item = {
            **model_key(model, f"RELEASE#{number:08d}"),
            "epoch": number,
            "version": release.version,
            "from_version": release.from_version,
            "outcome": release.outcome,
            "reason": release.reason,
            "approved_at": text(release.approved_at),
            "ended_at": text(release.ended_at),
            "report_uri": report_uri or None,
            "execution": release.execution or None,
        }
        try:
            table.put(
                item,
                condition="attribute_not_exists(#pk) OR #execution = :execution",
                execution=release.execution,
            )
            return
        except Conflict:
            number = max(number, last_epoch(model)) + 1


def last_epoch(model: str) -> int:
    """Return the highest epoch of which a release was written down; a lease may be deleted."""
    found = table.query(f"MODEL#{model}", "RELEASE#", newest_first=True, limit=1)
    return max((int(item["epoch"]) for item in found), default=0)


def releases(model: str, newest: int = 50) -> list[Release]:
    """Return a model's newest releases, the last first."""
    found = table.query(f"MODEL#{model}", "RELEASE#", newest_first=True, limit=newest)
    return [release_of(item) for item in found]


def release_of(item: Mapping[str, Any]) -> Release:
    return Release(
        epoch=item["epoch"],
        version=item["version"],
        outcome=item["outcome"],
        reason=item["reason"],
        approved_at=moment(item["approved_at"]),
        ended_at=moment(item["ended_at"]),
        from_version=item.get("from_version"),
        execution=item.get("execution") or "",
    )
