"""A person in a browser: a training comes to the open page step by step, and its version is
approved there, tested and released, as the person whose credentials `everloop ui` has."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import CHROMIUM, Browser
from e2e.laptop import ROOT, Laptop, prices, variant
from waiting import until

pytestmark = [
    pytest.mark.cloud,
    pytest.mark.timeout(600),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt-get install chromium"),
]
MODEL = "seen"


# A browser that is opened, and returns no earlier than it has shown the page.
OPENED = """#!{python}
import pathlib, sys, urllib.request
seen = pathlib.Path({seen!r})
opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
with opener.open(sys.argv[1]) as page:
    seen.with_suffix(".part").write_bytes(page.read())
seen.with_suffix(".part").rename(seen)
"""


@pytest.fixture
def opened(tmp_path: Path) -> Path:
    return tmp_path / "opened.html"


@pytest.fixture
def address(laptop: Laptop, tmp_path: Path, opened: Path) -> Iterator[str]:
    """Start `everloop ui` as a person does; gives the address that it prints."""
    words = ["ui", "--allow-changes", "--json"]
    command = [sys.executable, "-m", "everloop_cli.main", *words]
    script = tmp_path / "open"
    script.write_text(OPENED.format(python=sys.executable, seen=str(opened)))
    script.chmod(0o755)
    env = laptop.env | {"BROWSER": f"{script} %s"}
    with (
        (tmp_path / "said").open("w+") as said,
        subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=said) as ui,
    ):
        assert ui.stdout is not None
        yield json.loads(ui.stdout.readline())["address"]
        ui.send_signal(signal.SIGINT)
        assert ui.wait(30) == 0
        assert (tmp_path / "said").read_text() == ""  # though its page is open in a browser


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    made = Browser(tmp_path / "browser")
    made.look(390, 900)
    yield made
    made.close()


def test_a_training_is_watched_and_its_version_approved_in_a_browser(
    laptop: Laptop, tmp_path: Path, browser: Browser, address: str, opened: Path
) -> None:
    until(opened.exists, bool)
    assert "<title>" in opened.read_text()
    laptop.everloop("push", str(variant(tmp_path, MODEL, {})))
    laptop.decided(MODEL, "install")
    browser.go(address)
    browser.until(f"!!document.querySelector('a[href=\"/models/{MODEL}\"]')")
    base = address.partition("/?")[0]
    browser.go(f"{base}/models/{MODEL}")
    browser.until("!!document.querySelector('#live.on')")
    browser.ask("window.stays = true")
    laptop.put(f"data/{MODEL}/one.csv", prices(1, 300))
    laptop.put(f"data/{MODEL}/_SUCCESS", b"")
    run = browser.until("document.querySelector('#runs tbody a')?.getAttribute('href')", 240)
    browser.until("document.querySelector('#timeline').textContent.includes('Training ended')", 240)
    browser.until("document.querySelector('#stand').textContent.includes('PendingManual')", 240)
    assert browser.ask("window.stays") is True  # it was never loaded again
    browser.go(base + run)
    steps = browser.ask("document.querySelectorAll('#steps svg.bars').length")
    assert steps == len(laptop_steps(laptop)) > 2
    assert "rows" in browser.ask("document.querySelector('#log').textContent")

    browser.go(f"{base}/models/{MODEL}/versions/1")
    assert "will be tested and released" in browser.ask("document.body.textContent")
    browser.ask("document.querySelector('#reason').focus()")
    browser.type("Looks good on a small screen")
    browser.ask("document.querySelector('button[value=approve]').click()")
    browser.until("!!document.querySelector('.flash.good')")
    browser.until("document.querySelector('#stand').textContent.includes('InService')", 240)
    word = laptop.decided(MODEL, "approve")
    assert (word["reason"], word["actor"].rpartition("/")[2]) == (
        "Looks good on a small screen",
        "ana",
    )
    assert browser.failures == []


def laptop_steps(laptop: Laptop) -> list[str]:
    """Return the names of the steps that the model's newest execution has begun."""
    sagemaker = laptop.client("sagemaker")
    newest = sagemaker.list_pipeline_executions(PipelineName=MODEL)["PipelineExecutionSummaries"]
    steps = sagemaker.list_pipeline_execution_steps(
        PipelineExecutionArn=newest[0]["PipelineExecutionArn"]
    )
    return [step["StepName"] for step in steps["PipelineExecutionSteps"]]
