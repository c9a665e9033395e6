"""Whether an account could run a model, before anything is pushed: who asks, where, images, quotas.

What is needed is read from the very requests that are sent later: the rendered pipeline, the jobs
of comparison and monitor, and the endpoint configs.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from everloop.aws import account, quotas
from everloop.aws.clients import FAULTS
from everloop.billing import prices, usage
from everloop.bundle import contents, open_bundle, packed
from everloop.errors import BadInput, EverloopError
from everloop.pipelines import job_requests, needs
from everloop.pipelines.own import own_definition
from everloop.pipelines.rollouts import endpoint_config
from everloop.pipelines.standard import BundleRef, Site, render
from everloop.spec import images, policy
from everloop.spec.model_spec import ModelSpec, load_spec
from everloop_cli import sdk
from everloop_cli.doctor import BAD, GOOD, WARNING, Finding

_CONCURRENCY = "Concurrent executions"
_FEW = 100  # of Lambda's executions at once: below, a burst of events is throttled, and waits
_ROLE = "arn:aws:iam::123456789012:role/stack"


def examine(folder: Path, region: str) -> Iterator[Finding]:
    """Look at the account as it is for a model's folder. A check that may not look says so."""
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("credentials", _credentials),
        ("model", lambda: _model(folder, region)),
        ("quotas", lambda: _quotas(folder, region)),
        ("functions", _functions),
        ("costs", lambda: _costs(folder, region)),
    ]
    for name, check in checks:
        try:
            yield from check()
        except (EverloopError, *FAULTS) as error:
            yield Finding(name, BAD, f"could not look: {error}", "allow the call to who you are")


def needed(folder: Path, region: str) -> needs.Needs:
    """Return what a model's loop needs of SageMaker's quotas. Raises BadInput."""
    spec, definition = _plan(folder, region)
    document = policy.document(spec)
    deploy = policy.deploy(document)
    jobs = [_compare(document, region), _monitor(document, region)]
    return needs.together(
        needs.of_pipeline(definition),
        needs.of_jobs(job["resources"] for job in jobs),
        needs.of_endpoints(
            endpoint_config("m", deploy.production),
            endpoint_config("m", deploy.staging),
            keep_staging=deploy.keep_staging,
        ),
    )


def _plan(folder: Path, region: str) -> tuple[ModelSpec, dict[str, Any]]:
    model = folder.resolve().name
    data = packed(sdk.with_pipeline(folder, contents(folder), model))
    bundle = open_bundle(data)
    spec = load_spec(bundle.text("model.toml"), name=model, source=str(folder / "model.toml"))
    site = Site("artefacts", region, _ROLE, "s3://artefacts/jobs")
    ref = BundleRef("s3://artefacts/bundle.tar.gz", "0" * 64)
    text = own_definition(bundle, spec, site, ref) or render(spec, site, ref)
    definition: dict[str, Any] = json.loads(text)
    return spec, definition


def _credentials() -> Iterator[Finding]:
    yield Finding("credentials", GOOD, f"you are {account.caller().arn}")


def _model(folder: Path, region: str) -> Iterator[Finding]:
    try:
        spec, _ = _plan(folder, region)
        images.check(spec.train.framework, spec.train.version, region)
    except BadInput as error:
        yield Finding("model", BAD, str(error), f"everloop push {folder}  says the same")
        return
    train = spec.train
    message = f"{train.framework} {train.version} has images for training and serving in {region}"
    yield Finding("model", GOOD, message)
    note = policy.rollout_note(policy.document(spec))
    if note:
        yield Finding("model", WARNING, note)


def _quotas(folder: Path, region: str) -> Iterator[Finding]:
    try:
        required = needed(folder, region)
    except BadInput:
        return  # reported already
    there = quotas.of("sagemaker")
    for name, need in required.items():
        quota = there.get(name)
        if quota is None:
            message = f"{name}: {need} needed, and Service Quotas does not show what there is"
            yield Finding("quotas", WARNING, message)
        elif quota.value >= need:
            yield Finding("quotas", GOOD, f"{name}: {quota.value:g} there, {need} needed")
        else:
            yield Finding(
                "quotas",
                BAD,
                f"{name} ({quota.code}): {quota.value:g} there, {need} needed",
                "aws service-quotas request-service-quota-increase --service-code sagemaker "
                f"--quota-code {quota.code} --desired-value {need}",
            )


def _functions() -> Iterator[Finding]:
    quota = quotas.of("lambda").get(_CONCURRENCY)
    if quota is None:
        yield Finding("functions", WARNING, "Service Quotas does not show Lambda's concurrency")
        return
    message = f"Lambda runs {quota.value:g} functions at once in this account and region"
    if quota.value >= _FEW:
        yield Finding("functions", GOOD, message)
        return
    yield Finding(
        "functions",
        WARNING,
        f"{message}: nothing is lost, but bursts of events wait",
        "aws service-quotas request-service-quota-increase --service-code lambda "
        f"--quota-code {quota.code} --desired-value 1000",
    )


def _costs(folder: Path, region: str) -> Iterator[Finding]:
    try:
        spec, _ = _plan(folder, region)
        document = policy.document(spec)
        known = prices.read(region)
        serves, loop = known.cost(usage.served(document)), known.cost(usage.loop(document))
    except BadInput as error:
        yield Finding("costs", WARNING, str(error))
        return
    estimate = f"about ${serves:,.2f} a month while it serves, ${loop:.2f} for each new version"
    yield Finding("costs", GOOD, f"{estimate} ({region}, {known.as_of}); everloop costs {folder}")


def _compare(document: dict[str, Any], region: str) -> dict[str, Any]:
    side = job_requests.Side("s3://a/m/model.tar.gz", "s3://a/b/bundle.tar.gz")
    return job_requests.compare(
        name="m",
        spec=document,
        candidate=side,
        champion=side,
        holdout_uri="s3://a/h",
        jobs_uri="s3://a/jobs",
        output_uri="s3://a/o",
        role_arn=_ROLE,
        region=region,
    )


def _monitor(document: dict[str, Any], region: str) -> dict[str, Any]:
    when = datetime(2026, 1, 1, tzinfo=UTC)
    return job_requests.monitor(
        name="m",
        spec=document,
        model="m",
        version=1,
        since=when,
        until=when,
        bundle_uri="s3://a/b/bundle.tar.gz",
        baseline_uri="s3://a/b",
        predictions_uri="s3://a/p/predictions.csv",
        capture_manifest=None,
        labels_manifest=None,
        late_manifest=None,
        kept_uri=None,
        jobs_uri="s3://a/jobs",
        output_uri="s3://a/o",
        role_arn=_ROLE,
        region=region,
    )
