"""Whether an account could run a model, before anything is pushed: who asks, where, images, quotas.

What is needed is read from the very requests that are sent later: the rendered pipeline, the jobs
of comparison and monitor, and the endpoint configs.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [("credentials", _credentials)]
    try:
        made = plan(folder, region)
        images.check(made.spec.train.framework, made.spec.train.version, region)
    except BadInput as error:
        yield Finding("model", BAD, str(error), f"everloop push {folder}  says the same")
    else:
        checks += [
            ("model", lambda: _model(made)),
            ("quotas", lambda: _quotas(made)),
            ("costs", lambda: _costs(made, folder)),
        ]
    checks.append(("functions", _functions))
    for name, check in checks:
        try:
            yield from check()
        except (EverloopError, *FAULTS) as error:
            yield Finding(name, BAD, f"could not look: {error}", "allow the call to who you are")


@dataclass(frozen=True)
class Plan:
    """What a push of a folder would ask for: its pipeline as it is sent, and what follows it."""

    spec: ModelSpec
    definition: dict[str, Any]
    region: str

    @property
    def document(self) -> dict[str, Any]:
        return policy.document(self.spec)

    def needs(self) -> needs.Needs:
        document = self.document
        deploy = policy.deploy(document)
        jobs = [_compare(document, self.region), _monitor(document, self.region)]
        return needs.together(
            needs.of_pipeline(self.definition),
            needs.of_jobs(job["resources"] for job in jobs),
            needs.of_endpoints(
                endpoint_config("m", deploy.production),
                endpoint_config("m", deploy.staging),
                keep_staging=deploy.keep_staging,
            ),
        )


def plan(folder: Path, region: str) -> Plan:
    """Return the plan of a folder. Raises BadInput."""
    model = folder.resolve().name
    data = packed(sdk.with_pipeline(folder, contents(folder), model))
    bundle = open_bundle(data)
    spec = load_spec(bundle.text("model.toml"), name=model, source=str(folder / "model.toml"))
    site = Site("artefacts", region, _ROLE, "s3://artefacts/jobs")
    ref = BundleRef("s3://artefacts/bundle.tar.gz", "0" * 64)
    text = own_definition(bundle, spec, site, ref) or render(spec, site, ref)
    return Plan(spec, json.loads(text), region)


def _credentials() -> Iterator[Finding]:
    yield Finding("credentials", GOOD, f"you are {account.caller().arn}")


def _model(plan: Plan) -> Iterator[Finding]:
    train = plan.spec.train
    images_of = f"{train.framework} {train.version} has images for training and serving"
    yield Finding("model", GOOD, f"{images_of} in {plan.region}")
    note = policy.rollout_note(plan.document)
    if note:
        yield Finding("model", WARNING, note)


def _quotas(plan: Plan) -> Iterator[Finding]:
    there = quotas.of("sagemaker")
    for name, need in plan.needs().items():
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
                _increase("sagemaker", quota.code, need),
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
        _increase("lambda", quota.code, 1000),
    )


def _costs(plan: Plan, folder: Path) -> Iterator[Finding]:
    try:
        known = prices.read(plan.region)
        serves = known.cost(usage.served(plan.document))
        loop = known.cost(usage.loop(plan.document))
    except BadInput as error:
        yield Finding("costs", WARNING, str(error))
        return
    estimate = f"about ${serves:,.2f} a month while it serves, ${loop:.2f} for each new version"
    yield Finding(
        "costs", GOOD, f"{estimate} ({plan.region}, {known.as_of}); everloop costs {folder}"
    )


def _increase(service: str, code: str, value: int) -> str:
    return (
        f"aws service-quotas request-service-quota-increase --service-code {service} "
        f"--quota-code {code} --desired-value {value}"
    )


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
