"""Models: at a glance, on one page, and their decisions."""

from collections.abc import Iterator

from everloop.aws import endpoints, journal, ledger, logs, pipelines, production, registry
from everloop.aws.settings import settings
from everloop.billing import prices
from everloop.decisions.releases import Package, Serving
from everloop.errors import BadInput
from everloop.names import run_of_turn, staging_endpoint
from everloop.reading import attention
from everloop.records.installation import Installation
from everloop.records.run import RUNNING, Run
from everloop.spec import policy
from everloop.views.endpoint import Endpoint, endpoint
from everloop.views.look import looks
from everloop.views.model import Model, model, under_way
from everloop.views.overview import Overview
from everloop.views.release import releases
from everloop.views.run import Curve, printed, runs
from everloop.views.run import Run as Training
from everloop.views.timeline import TimelineEntry, timeline
from everloop.views.version import listed

_RELEASES = 1000  # more than anybody reads
_LINES = 200_000  # of a training's log


def names() -> list[str]:
    """Return the models that are installed."""
    return ledger.models()


def decided(name: str, *, after: int = 0) -> Iterator[TimelineEntry]:
    """Return the decisions about a model behind a number in its chain, the oldest first."""
    return iter(timeline(journal.decisions(name, after=after)))


def last(name: str) -> TimelineEntry | None:
    """Return the last decision about a model."""
    newest = journal.newest(name)
    return timeline([newest])[0] if newest else None


def glance(name: str) -> Model:
    """Return a model as a list of models shows it."""
    return _glance(name, registry.packages(name), production.of_model(name), last(name))


def _glance(
    name: str, packages: list[Package], serving: Serving | None, last: TimelineEntry | None
) -> Model:
    installed, kept = ledger.find_installed(name), ledger.runs(name)
    return glance_of(name, packages, serving, last, installed=installed, kept=kept)


def glance_of(
    name: str,
    packages: list[Package],
    serving: Serving | None,
    last: TimelineEntry | None,
    *,
    installed: Installation | None,
    kept: list[Run],
) -> Model:
    """Return a model at a glance from what was read of it."""
    run = under_way(kept)
    paused = installed.paused if installed else ""
    return model(
        name,
        packages,
        serving,
        run,
        last,
        steps=_steps(name, run),
        paused=paused,
        unwatched=policy.unwatched(installed.spec) if installed else "",
    )


def steps(name: str) -> list[tuple[str, str]]:
    """Return the steps of the newest execution of a model's pipeline, with their status."""
    executions = pipelines.newest(name)
    return pipelines.steps(executions[0].arn) if executions else []


def _steps(name: str, run: Run | None) -> list[tuple[str, str]]:
    if run is None or run.outcome != RUNNING:
        return []
    mine = (each for each in pipelines.newest(name) if run_of_turn(each.display_name) == run.name)
    execution = next(mine, None)
    return pipelines.steps(execution.arn) if execution else []


def overview(name: str) -> Overview:
    """Return all about a model on one page."""
    decisions = list(decided(name))
    serving = production.of_model(name)
    packages = registry.packages(name)
    ended = ledger.releases(name, newest=_RELEASES)
    return Overview(
        model=_glance(name, packages, serving, decisions[-1] if decisions else None),
        endpoints=both_endpoints(name),
        attention=attention.of_model(name, packages, decisions, ended),
        versions=listed(packages, serving),
        runs=trainings(name),
        releases=releases(ended),
        looks=looks(decisions),
        decisions=decisions,
    )


def trainings(name: str) -> list[Training]:
    """Return a model's training runs, the newest first."""
    return runs(ledger.runs(name), prices.known(settings().region))


def curves(name: str, run: Training) -> list[Curve]:
    """Return what a run's training printed of the metrics that [track] and [tune] name.

    Raises BadInput where the model names none, or the run's job is not known.
    """
    spec = ledger.installed(name).spec
    metrics = list((spec.get("track") or {}).get("metrics") or ())
    tuned = (spec.get("tune") or {}).get("metric")
    metrics += [tuned] if tuned and tuned not in metrics else []
    if not metrics:
        raise BadInput(f"{name}: [track] metrics names none; name what train.py prints there")
    if not run.job:
        raise BadInput(f"{run.name}: its training job is not known, so nothing it printed is")
    return printed(metrics, logs.of_training(run.job, _LINES))


def both_endpoints(name: str) -> list[Endpoint]:
    """Return staging and production as far as they are there."""
    both = (endpoints.serving(staging_endpoint(name)), production.of_model(name))
    return [each for each in map(endpoint, both) if each is not None]
