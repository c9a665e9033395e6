"""The story of a version as people read it: its making, who decided, and is the chain whole."""

from collections.abc import Iterable

from everloop.views.chain import Chain
from everloop.views.endpoint import Endpoint
from everloop.views.story import Story
from everloop.views.version import Service, Version
from everloop.views.withdrawn import TrainedOn
from everloop_cli import render, show


def story(view: Story) -> None:
    """Print why a version serves, or does not, and what verifying the ledger found."""
    live, version = view.serving, view.version
    removed = [each for each in view.chain.all if each["kind"] == "remove"]
    if version is None and removed:
        last = removed[-1]
        word = "was removed" if last["go"] else "is being removed"
        why = f"{view.model} {word} by {last['actor']}: {last['reason']}"
        show.out.print(why, soft_wrap=True)
    elif version is None:
        show.out.print(f"Nothing serves {view.model} yet.")
    else:
        _story_of(view.model, live, version)
    trained_on(view.trained_on_withdrawn, live.version if live else None)
    chain(view.chain)


def _story_of(model: str, live: Endpoint | None, version: Version) -> None:
    if live is not None and live.version == version.version:
        show.out.print(
            f"[bold]{model}[/bold] serves version [bold]{version.version}[/bold]: "
            f"endpoint {live.endpoint} is {live.status} with {live.config}",
            markup=True,
        )
    else:
        now = f"version {live.version} does" if live and live.version else "nothing does"
        show.out.print(f"{model} v{version.version} does not serve; {now}")
    lines = [(name, text) for name, text in _lines(version) if text]
    width = max((len(name) for name, _ in lines), default=0)
    for name, text in lines:
        show.out.print(f"  {name:<{width}} {text}", soft_wrap=True)
    show.out.print()
    render.decisions(version.decisions)


def _lines(version: Version) -> Iterable[tuple[str, str]]:
    made = version.made_of
    yield "trained on", made.get("dataset-uri", "")
    yield "code", made.get("bundle-uri", "")
    yield "Git commit", made.get("commit", "")
    ran = ", ".join(f"{what}: {instance}" for what, instance in version.instances.items())
    yield "ran on", ran
    yield "because of", made.get("cause", "")
    yield "evaluation", made.get("evaluation-uri", "")
    yield "data report", made.get("data-report-uri", "")
    yield "pinned", version.pinned
    if not version.registered:
        yield "registry", "its package was deleted; this is what the ledger kept"
    if version.endorsed_by:
        first = version.endorsed_by
        yield "first yes", f"{first.by} ({first.status}, {first.at}): {first.words}"
    if version.decided_by:
        word = version.decided_by
        yield "decided by", f"{word.by} ({word.status or 'decided'}, {word.at})"
        yield "in words", word.words
        yield "waives", word.waives
        yield "does not count", word.barred
        yield "EMERGENCY", word.emergency
    for test in version.tests:
        yield f"test {test.test}", f"{'passed' if test.passed else 'failed'}: {test.reason}"
    for service in version.service:
        yield _service(service)
    for again in version.reproduced:
        yield "trained again", f"{again.outcome}, {render.moment(again.time)}: {again.reason}"


def _service(service: Service) -> tuple[str, str]:
    at = render.moment(service.time)
    if service.by is not None:
        return "replaced", f"by version {service.by}, {at}"
    if service.outcome == "released":
        before = service.replaced
        return "replaced", f"{f'version {before}' if before else 'nothing: it was the first'}, {at}"
    return service.outcome, f"{at}: {service.why}"


def trained_on(view: TrainedOn, serves: int | None) -> None:
    """Print which versions were trained on what was withdrawn, if any were."""
    for each in view.versions:
        now = ", and serves now" if each.version == serves else ""
        show.out.print(
            f"Version {each.version} was trained on {each.objects} objects that were "
            f"withdrawn since{now}: {', '.join(each.keys[:3])}",
            style=show.WAIT,
            soft_wrap=True,
        )
    if view.unread:
        unread = ", ".join(map(str, view.unread))
        line = f"The dataset of version {unread} could not be read."
        show.out.print(line, style=show.WAIT)


def chain(view: Chain) -> None:
    if view.problems:
        show.out.print("THE LEDGER'S CHAIN IS BROKEN:", style=show.BAD)
        for problem in view.problems:
            show.out.print(f"  {problem}", style=show.BAD)
        return
    line = f"The ledger's chain of {view.decisions} decisions is whole"
    anchors = len(view.anchors)
    more = f", and {anchors} anchors agree." if anchors else ". No anchor of it was found."
    show.out.print(line + more, style=show.GOOD)
