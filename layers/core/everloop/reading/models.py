"""Models: at a glance, on one page, and their decisions."""

from collections.abc import Iterator

from everloop.aws import endpoints, journal, ledger, pipelines, registry
from everloop.decisions.releases import Package, Serving
from everloop.names import staging_endpoint
from everloop.reading import attention
from everloop.records.run import RUNNING, Run
from everloop.views.endpoint import Endpoint, endpoint
from everloop.views.look import looks
from everloop.views.model import Model, model, under_way
from everloop.views.overview import Overview
from everloop.views.release import releases
from everloop.views.run import runs
from everloop.views.timeline import TimelineEntry, timeline
from everloop.views.version import listed

_RELEASES = 1000  # more than anybody reads


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
    return _glance(name, registry.packages(name), endpoints.serving(name), last(name))


def _glance(
    name: str, packages: list[Package], serving: Serving | None, last: TimelineEntry | None
) -> Model:
    installed = ledger.find_installed(name)
    run = under_way(ledger.runs(name))
    paused = installed.paused if installed else ""
    return model(name, packages, serving, run, last, steps=_steps(name, run), paused=paused)


def steps(name: str) -> list[tuple[str, str]]:
    """Return the steps of the newest execution of a model's pipeline, with their status."""
    executions = pipelines.newest(name)
    return pipelines.steps(executions[0].arn) if executions else []


def _steps(name: str, run: Run | None) -> list[tuple[str, str]]:
    if run is None or run.outcome != RUNNING:
        return []
    mine = (each for each in pipelines.newest(name) if each.display_name == run.name)
    execution = next(mine, None)
    return pipelines.steps(execution.arn) if execution else []


def overview(name: str) -> Overview:
    """Return all about a model on one page."""
    decisions = list(decided(name))
    serving = endpoints.serving(name)
    packages = registry.packages(name)
    ended = ledger.releases(name, newest=_RELEASES)
    return Overview(
        model=_glance(name, packages, serving, decisions[-1] if decisions else None),
        endpoints=both_endpoints(name),
        attention=attention.of_model(name, packages, decisions, ended),
        versions=listed(packages, serving),
        runs=runs(ledger.runs(name)),
        releases=releases(ended),
        looks=looks(decisions),
        decisions=decisions,
    )


def both_endpoints(name: str) -> list[Endpoint]:
    """Return the endpoints of staging and production that are there."""
    both = (endpoint(endpoints.serving(each)) for each in (staging_endpoint(name), name))
    return [each for each in both if each is not None]
