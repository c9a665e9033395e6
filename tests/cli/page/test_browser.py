"""The page in a real Chromium: every page at two widths and in both schemes, by keyboard, live, and
what another site may not do."""

import importlib.resources
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

import pytest
import uvicorn
from browser import CHROMIUM, Browser
from cli.page.conftest import EMPTY, HOSTILE, MODEL, OWN_PAGE, TOKEN, site
from waiting import until

from everloop_cli.page.app import create
from everloop_cli.page.render import Site
from everloop_cli.page.serve import _listen

pytestmark = [
    pytest.mark.cloud,
    pytest.mark.timeout(300),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt-get install chromium"),
]
RUN = f"{MODEL}-w1-0a1b2c3d"
PAGES = (
    *("/", "/operate", "/nothing", "/?q=zzz", f"/models/{EMPTY}", f"/models/{HOSTILE}"),
    *(f"/models/{MODEL}{path}" for path in ("", "/data", "/compare", "/ledger", "/versions/2")),
    *(f"/models/{MODEL}/runs/{RUN}", f"/models/{MODEL}/looks/7"),
)
_WIDE = ("/", f"/models/{MODEL}")  # what is laid out otherwise where there is room
_DARK = ("/", f"/models/{MODEL}", f"/models/{MODEL}/versions/2")  # every tone of colour
# What a person with another way to see or to steer could not use.
_AXE = """axe.run(document, {iframes: false, resultTypes: ["violations"]}).then(found =>
  found.violations.filter(v => ["serious", "critical"].includes(v.impact)).map(v =>
    v.id + ": " + v.nodes.map(n => n.html + " " + n.failureSummary).join(" | ")))"""

# A pill that is wider than what it stands in.
_OUT = """[...document.querySelectorAll(".tone")].filter(each => {
  const inside = (each.closest("td,th,li,.card") || document.body).getBoundingClientRect();
  return each.getBoundingClientRect().right > inside.right;
}).map(each => "sticks out: " + each.textContent)"""


@pytest.fixture(scope="module")
def served(prepared) -> Iterator[Site]:
    made = site(allow_changes=True)
    yield made
    made.board.stop(wait=True)


@pytest.fixture(scope="module")
def address(served) -> Iterator[str]:
    """Serve the page, with changes allowed; gives the address of its start."""
    listening = _listen(0)
    port = listening.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(create(served, TOKEN, port), log_config=None, ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    until(lambda: server.started, bool)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    server.force_exit = True
    thread.join(30)
    listening.close()


@pytest.fixture(scope="module")
def opened(tmp_path_factory) -> Iterator[Browser]:
    made = Browser(tmp_path_factory.mktemp("browser"))
    yield made
    made.close()


@pytest.fixture
def browser(opened: Browser, address: str) -> Browser:
    opened.look(1280, 900)
    opened.go(f"{address}/?token={TOKEN}")
    opened.failures.clear()
    return opened


@pytest.fixture(scope="module")
def axe() -> str:
    return (importlib.resources.files("axe_core_python") / "axe.min.js").read_text("utf-8")


def problems(browser, address, axe, path, width, scheme) -> list[str]:
    """Return what stands in somebody's way on a page, and that it is wider than the screen."""
    browser.look(width, 900, scheme)
    browser.go(address + path)
    browser.ask(axe + ";0")
    wider = browser.ask("document.documentElement.scrollWidth - innerWidth")
    too_wide = [f"{wider} px too wide"] if wider > 0 else []
    return [*browser.ask(_AXE), *browser.ask(_OUT), *too_wide]


def test_everybody_can_use_every_page_on_every_screen(browser, address, axe):
    looks = [(path, 390, "light") for path in PAGES]
    looks += [(path, 1280, "light") for path in _WIDE] + [(path, 390, "dark") for path in _DARK]
    found = {look: ill for look in looks if (ill := problems(browser, address, axe, *look))}
    assert found == {}
    # A browser says of a page that is not there that it is not there.
    assert [each for each in browser.failures if "404" not in each] == []


def test_a_version_is_approved_by_keyboard_alone(browser, address, prepared):
    browser.go(f"{address}/models/{MODEL}/versions/2")
    browser.press("Tab")
    assert browser.ask("document.activeElement.className") == "skip"
    browser.press("Enter")
    browser.until("document.activeElement.id === 'main'")
    for _ in range(30):
        browser.press("Tab")
        if browser.ask("document.activeElement.id") == "reason":
            break
    browser.type("Better on every slice")
    browser.press("Tab")
    assert browser.ask("document.activeElement.value") == "approve"
    browser.press("Enter")
    browser.until("!!document.querySelector('.flash.good')")
    assert "Approved" in browser.ask("document.querySelector('#stand').textContent")
    name = f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{MODEL}/2"
    package = prepared.service("sagemaker").describe_model_package(ModelPackageName=name)
    assert package["ApprovalDescription"] == "Better on every slice"


def test_what_is_decided_comes_to_an_open_page(browser, address, prepared):
    browser.go(f"{address}/models/{EMPTY}")
    browser.until("!!document.querySelector('#live.on')")
    assert browser.ask("document.querySelector('#timeline').textContent").count("Push") == 0
    browser.ask("window.stays = true")
    prepared.decide(EMPTY, "install", 1, reason="7 files, just now")
    browser.until("document.querySelector('#timeline').textContent.includes('7 files, just now')")
    assert browser.ask("window.stays") is True  # it was not loaded again
    assert browser.until("document.querySelector('#news').textContent") != ""
    assert browser.failures == []


def test_what_is_decided_while_a_stream_is_broken_comes_to_the_page(
    browser, address, prepared, served
):
    browser.go(f"{address}/models/{EMPTY}")
    browser.until("!!document.querySelector('#live.on')")
    served.board.end_streams()
    browser.until("!document.querySelector('#live.on')")
    prepared.decide(EMPTY, "install", 2, reason="8 files, unheard")
    browser.until("!!document.querySelector('#live.on')")
    browser.until("document.querySelector('#timeline').textContent.includes('8 files, unheard')")


def test_a_report_runs_no_script_in_the_page(browser, address):
    browser.go(f"{address}/models/{MODEL}/versions/1")
    browser.ask("document.querySelector('iframe').scrollIntoView()")
    browser.until("document.querySelector('iframe').contentDocument === null")
    assert browser.ask("window.stolen") is None


def test_a_page_of_a_folders_own_draws_and_cannot_act(browser, address):
    browser.go(f"{address}/models/{MODEL}/versions/2")
    browser.ask("window.addEventListener('message', told => { window.told = told.data; })")
    source = f"/models/{MODEL}/versions/2/own/{quote(OWN_PAGE)}"
    browser.ask(
        "(frame => { frame.sandbox = 'allow-scripts'; frame.loading = 'eager'; "
        f"frame.src = {json.dumps(source)}; }})(document.querySelector('iframe'))"
    )
    told = browser.until("window.told")
    assert told["origin"] == "null"
    assert told["asked"] == "not asked"
    assert told["tried"] == ["refused"] * 4
    assert browser.ask("window.stolen") is None
    assert browser.ask("location.pathname") == f"/models/{MODEL}/versions/2"


@pytest.fixture
def evil() -> Iterator[Callable[[str], str]]:
    """Serve an attacker's page on another port; gives its address."""
    page = {"text": ""}

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            data = page["text"].encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def serving(text: str) -> str:
        page["text"] = text
        return f"http://127.0.0.1:{server.server_port}/"

    yield serving
    server.shutdown()
    server.server_close()


def test_another_page_in_the_same_browser_reads_nothing_and_approves_nothing(
    browser, address, evil, prepared
):
    target = f"{address}/models/{HOSTILE}/versions/1"
    text = f"""<!doctype html><title>evil</title><iframe id=f src="{address}/"></iframe>
    <script>const told = window.told = {{}};
    const send = (name, to, options) => fetch(to, options).then(
      answer => {{ told[name] = answer.type + answer.status; }},
      () => {{ told[name] = "refused"; }});
    send("read", "{target}", {{credentials: "include"}});
    send("live", "{address}/live", {{credentials: "include"}});
    send("word", "{target}/word", {{method: "POST", mode: "no-cors", credentials: "include",
      headers: {{"Content-Type": "application/x-www-form-urlencoded"}},
      body: "word=approve&reason=x&seen=PendingManualApproval&csrf="}});</script>"""
    browser.go(evil(text))
    told = json.loads(
        browser.until("Object.keys(window.told).length === 3 && JSON.stringify(window.told)")
    )
    assert told == dict.fromkeys(("read", "live", "word"), "refused")
    assert browser.ask("document.querySelector('#f').contentDocument") is None
    name = f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{HOSTILE}/1"
    package = prepared.service("sagemaker").describe_model_package(ModelPackageName=name)
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    refusals = [each for each in browser.failures if "frame" in each.lower()]
    assert refusals  # the browser did not show the page in a frame
