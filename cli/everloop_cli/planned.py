"""What a push of a folder would run on: the very requests that are sent later, and their needs.

Where a key lists instances, the loop takes the first that the account's quotas have room for. So
does this: with the quotas that are there, what it says is what is deployed.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

from everloop.bundle import contents, open_bundle, packed
from everloop.pipelines import job_requests, needs
from everloop.pipelines.own import own_definition
from everloop.pipelines.plans import KEYS, with_plan
from everloop.pipelines.plans import Plan as Instead
from everloop.pipelines.rollouts import Fleet, endpoint_config
from everloop.pipelines.standard import BundleRef, Site, render
from everloop.spec import policy
from everloop.spec.instances import SCORE_STEP, Choice, of_endpoint, of_job, of_pipeline
from everloop.spec.model_spec import ModelSpec, load_spec
from everloop_cli import sdk
from everloop_cli.lookup import with_lookup

_ROLE = "arn:aws:iam::123456789012:role/stack"
Json = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What follows a push: its pipeline as it is sent, with the instances that are taken.

    `instead` are the instances of the pipeline that are not the preferred ones; `taken` is what
    the others run on, by the key of model.toml that lists it.
    """

    spec: ModelSpec
    definition: Json
    region: str
    own_pipeline: bool
    instead: Instead
    taken: Mapping[str, Choice]

    @property
    def document(self) -> Json:
        return policy.document(self.spec)

    @property
    def pipeline(self) -> Json:
        """Return the definition with the instances that are taken."""
        made: Json = json.loads(with_plan(json.dumps(self.definition), self.instead))
        return made

    @property
    def costed(self) -> Json:
        """Return the spec with nothing but the instances that are taken: what is paid.

        Spot capacity is counted at the on-demand price, which it does not exceed.
        """
        made = self.document
        for key, choice in self.taken.items():
            place = made
            for name in key.split("."):
                place = place[name]
            place["instance"] = choice.instance
        for section in ("prepare", "train"):
            if section in self.instead:
                made[section]["instance"] = Choice.of(self.instead[section]).instance
        if scores := self.instead.get(SCORE_STEP):
            made["evaluate"]["transform_instance"] = Choice.of(scores).instance
        return made

    @property
    def serverless(self) -> Mapping[str, int] | None:
        """Return how production is served without instances; None where it has some."""
        return policy.deploy(self.document).production.serverless

    def jobs(self) -> tuple[Json, Json]:
        """Return the requests of the jobs beside the pipeline: the comparison, and a look."""
        document = self.document
        return (
            _compare(document, self.region, self.taken["evaluate"].instance),
            _monitor(document, self.region, self.taken["monitor"].instance),
        )

    def configs(self) -> dict[str, Json]:
        """Return the endpoint configs of a release, with all instances that load may bring."""
        deploy = policy.deploy(self.document)
        fleets = {"production": deploy.largest, "staging": deploy.staging}
        return {
            stage: _config(self.taken[f"deploy.{stage}"], fleet)
            for stage, fleet in fleets.items()
            if fleet.serverless is None
        }

    def needs(self) -> needs.Needs:
        """Return the least with which a loop gets to its end, by the quota's name."""
        configs = self.configs()
        return needs.together(
            needs.of_pipeline(self.pipeline),
            needs.of_jobs(job["resources"] for job in self.jobs()),
            needs.of_endpoints(
                configs.get("production", {}),
                configs.get("staging", {}),
                keep_staging=policy.deploy(self.document).keep_staging,
            ),
        )

    def passed_over(self) -> dict[str, tuple[Choice, ...]]:
        """Return, by key of model.toml, what comes before the instance that is taken."""
        document, taken = self.document, dict(self.taken)
        lists = _lists(document)
        if not self.own_pipeline:
            lists |= of_pipeline(document)
            for section, preferred in of_pipeline(document).items():
                planned = self.instead.get(section, preferred[0].quota)
                taken[section] = Choice.of(planned)
        return {
            KEYS.get(key, f"{key}.instance"): each[: each.index(taken[key])]
            for key, each in lists.items()
        }


def plan(folder: Path, region: str, there: Mapping[str, float] | None = None) -> Plan:
    """Return the plan of a folder, with the quotas that are `there`. Raises BadInput."""
    model = folder.resolve().name
    data = packed(sdk.with_pipeline(folder, with_lookup(contents(folder), model), model))
    bundle = open_bundle(data)
    spec = load_spec(bundle.text("model.toml"), name=model, source=str(folder / "model.toml"))
    bundle.require(spec.scripts)
    site = Site("artefacts", region, _ROLE, "s3://artefacts/jobs")
    ref = BundleRef("s3://artefacts/bundle.tar.gz", "0" * 64)
    own = own_definition(bundle, spec, site, ref)
    definition: Json = json.loads(own or render(spec, site, ref))
    document, quotas = policy.document(spec), there or {}
    instead = {} if own else _instead(definition, document, quotas)
    taken = {key: _first(each, quotas) for key, each in _lists(document).items()}
    taken |= _fleets(document, quotas)
    return Plan(spec, definition, region, own is not None, instead, taken)


def _lists(document: Json) -> dict[str, tuple[Choice, ...]]:
    """Return what each key beside the pipeline's lists, by its name in model.toml."""
    lists = {section: of_job(document, section) for section in ("evaluate", "monitor")}
    stages = {f"deploy.{s}": of_endpoint(document, s) for s in ("production", "staging")}
    return lists | {key: listed for key, listed in stages.items() if listed}


def _instead(definition: Json, document: Json, there: Mapping[str, float]) -> dict[str, str]:
    made, text = {}, json.dumps(definition)
    for section, preferred in of_pipeline(document).items():
        for choice in preferred:
            moved = json.loads(with_plan(text, {section: choice.quota}))
            if there.get(choice.quota, 0) >= needs.of_pipeline(moved).get(choice.quota, 1):
                if choice != preferred[0]:
                    made[section] = choice.quota
                break
    return made


def _fleets(document: Json, there: Mapping[str, float]) -> dict[str, Choice]:
    """Return what both fleets of a release run on: they are there at the same time."""
    deploy = policy.deploy(document)
    if deploy.production.serverless is not None:
        return {}
    stages = of_endpoint(document, "production"), of_endpoint(document, "staging")
    for production, staging in (*product(*stages), (stages[0][0], stages[1][0])):
        needed = needs.of_endpoints(
            _config(production, deploy.largest),
            _config(staging, deploy.staging),
            keep_staging=deploy.keep_staging,
        )
        if all(there.get(name, 0) >= need for name, need in needed.items()):
            break
    return {"deploy.production": production, "deploy.staging": staging}


def _first(preferred: Iterable[Choice], there: Mapping[str, float]) -> Choice:
    listed = tuple(preferred)
    return next((choice for choice in listed if there.get(choice.quota, 0) >= 1), listed[0])


def _config(choice: Choice, fleet: Fleet) -> Json:
    return endpoint_config("m", Fleet(choice.instance, fleet.instances))


def _compare(document: Json, region: str, instance: str) -> Json:
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
        instance=instance,
    )


def _monitor(document: Json, region: str, instance: str) -> Json:
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
        instance=instance,
    )
