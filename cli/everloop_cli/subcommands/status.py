"""everloop status: models, versions, what serves and what runs."""

from typing import TYPE_CHECKING, Any

import click

from everloop_cli import options, show

if TYPE_CHECKING:
    from everloop_cli.records import Records
    from everloop_cli.site import Site


@click.command()
@click.argument("model", required=False)
@options.stack
def status(model: str | None, stack: str, as_json: bool) -> None:
    """Show models, versions, what serves and what runs.

    With MODEL also its versions and its last decisions.
    """
    from everloop_cli import views
    from everloop_cli.records import Records
    from everloop_cli.site import Site

    site = Site(stack)
    records = Records(site)
    names = [records.known(model)] if model else records.models()
    rows = [_row(site, records, name) for name in names]
    if as_json:
        show.emit_json(rows)
        return
    views.show_status(rows)
    if model:
        show.out.print()
        versions = views.packages(site, model)
        show.table(
            "Versions",
            ("version", "approval", "registered"),
            [(v["version"], v["approval"], f"{v['created']:%Y-%m-%d %H:%M}") for v in versions],
        )
        show.out.print()
        views.show_timeline(records.decisions(model)[-12:])


def _row(site: "Site", records: "Records", model: str) -> dict[str, Any]:
    from everloop_cli import views

    live = views.serving(site, model)
    versions = views.packages(site, model)
    decisions = records.decisions(model)
    last = decisions[-1] if decisions else None
    return {
        "model": model,
        "serves": live["version"] if live else None,
        "endpoint": live["status"] if live else "none",
        "newest": versions[0]["version"] if versions else None,
        "approval": versions[0]["approval"] if versions else None,
        "training": views.pipeline_progress(site, model) or "never",
        "last": f"{last['kind']}: {last['reason']}" if last else "none",
    }
