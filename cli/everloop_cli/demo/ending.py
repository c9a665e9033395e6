"""The demo's end: what happened, its reports as files, and the page where there is a browser."""

from pathlib import Path

from everloop.aws.settings import settings
from everloop.reading import models
from everloop.reading.story import story
from everloop_cli import browsers, opening, render, render_story, show
from everloop_cli.demo.stage import Stage
from everloop_cli.trouble import Trouble


def tell(stage: Stage, model: str, stack: str, summary: Path) -> None:
    """Show the decisions and the story of what serves, and bring its reports to files."""
    stage.chapter("What happened")
    render.decisions(models.decided(model))
    show.out.print()
    render_story.story(story(model))
    show.out.print()
    for kind in opening.KINDS:
        try:
            page = opening.find(model, kind, None)
            stage.say(f"{kind:<10}  {opening.bring(model, page, stack)}")
        except Trouble as trouble:
            stage.say(f"{kind:<10}  none: {trouble}")
    stage.say(f"summary     {summary}")
    stage.say(f"the whole story took {stage.seconds:.0f} s", style="bold")


def show_page(stage: Stage) -> None:
    """Serve the page to the browser of whoever sits here, until Ctrl-C."""
    from everloop_cli.page.serve import serve

    def say(address: str, _port: int) -> None:
        stage.say("see it all in the browser, while the cloud goes on; Ctrl-C ends both:")
        stage.say(address, style="bold")

    serve(settings(), port=0, allow_changes=False, open_browser=True, say=say)


def wanted() -> bool:
    """Whether somebody sits here who has a browser."""
    return show.out.is_terminal and browsers.there()


def leave(stage: Stage, state: Path, *, kept: bool) -> None:
    """Say how to go on."""
    env = f'eval "$(everloop env --state {state})"'
    if kept:
        stage.say(f"the cloud still runs; see it all in a browser: {env}; everloop ui")
        return
    stage.say(f"the cloud is stopped, its state kept: everloop up --state {state}")
    stage.say(f"see it all in a browser: up again, then {env}; everloop ui")
