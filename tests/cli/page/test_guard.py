"""Who the page answers: one browser with this start's token, and no other site."""

import pytest
from starlette.testclient import TestClient

from everloop_cli.page.guard import Guard

PORT = 8123
BASE = f"http://127.0.0.1:{PORT}"
FORM = {"Origin": BASE, "Sec-Fetch-Site": "same-origin"}


async def _echo(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"page {scope['path']}".encode()})


@pytest.fixture
def stranger():
    return TestClient(Guard(_echo, "secret", PORT), base_url=BASE, follow_redirects=False)


@pytest.fixture
def browser(stranger):
    assert stranger.get("/?token=secret").status_code == 303
    return stranger


def test_without_the_token_nothing_is_shown(stranger):
    for path in ("/", "/static/page.css", "/live", "/?token=wrong", "/?token="):
        answer = stranger.get(path)
        assert (answer.status_code, "page" in answer.headers) == (401, False)
        assert answer.text.startswith("This page is for who started it")
    assert stranger.post("/?token=secret", headers=FORM).status_code == 401


def test_the_token_is_taken_once_and_does_not_stay_in_the_address(stranger):
    answer = stranger.get("/models/m?show=looks&token=secret")
    assert answer.headers["location"] == "/models/m?show=looks"
    cookie = answer.headers["set-cookie"]
    assert "secret" not in cookie
    assert all(word in cookie for word in ("HttpOnly", "SameSite=Strict", f"everloop-{PORT}="))
    assert stranger.get("/models/m").text == "page /models/m"


@pytest.mark.parametrize("path", ["//evil.example/?token=secret", "/\\evil.example?token=secret"])
def test_the_way_on_leads_to_no_other_host(stranger, path):
    place = stranger.get(BASE + path).headers["location"]
    assert place.startswith("/") and not place.startswith(("//", "/\\"))


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8123", "127.0.0.1", "127.0.0.1:80", "localhost:81", ""]
)
def test_another_name_for_this_machine_is_refused(browser, host):
    """A name that an attacker's DNS lets mean 127.0.0.1."""
    assert browser.get("/", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("host", [f"localhost:{PORT}", f"[::1]:{PORT}", f"127.0.0.1:{PORT}"])
def test_this_machines_own_names_are_good(stranger, host):
    cookie = {"Cookie": f"everloop-{PORT}={Guard(_echo, 'secret', PORT)._session}"}
    assert stranger.get("/", headers={"Host": host, **cookie}).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_reads_nothing_but_may_link_here(browser, site):
    assert browser.get("/", headers={"Sec-Fetch-Site": site}).status_code == 403
    framed = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    assert browser.get("/", headers=framed).status_code == 403
    link = {**framed, "Sec-Fetch-Dest": "document"}
    assert browser.get("/", headers=link).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://127.0.0.1:9999", "Sec-Fetch-Site": "same-site"},
        {"Origin": BASE, "Sec-Fetch-Site": "cross-site"},
        {"Origin": f"https://127.0.0.1:{PORT}"},
    ],
)
def test_only_this_pages_own_forms_change_something(browser, headers):
    assert browser.post("/", headers=headers).status_code == 403
    assert browser.delete("/", headers=headers).status_code == 403
    assert browser.post("/", headers=FORM).status_code == 200


def test_a_token_is_new_at_each_start_and_long():
    tokens = {Guard.new_token() for _ in range(50)}
    assert len(tokens) == 50 and min(map(len, tokens)) >= 43


def test_a_session_of_another_start_or_port_is_none(stranger):
    for value in (Guard(_echo, "other", PORT)._session, "", "x", "é"):
        headers = {"Cookie": f"everloop-{PORT}={value}".encode()}
        assert stranger.get("/", headers=headers).status_code == 401
    good = Guard(_echo, "secret", PORT)._session
    assert stranger.get("/", headers={"Cookie": f"everloop-99={good}"}).status_code == 401


@pytest.mark.parametrize("other", ['state={"a": 1}', "bare", "a b=c", 'x="q', "everloop-99=ab"])
def test_cookies_of_other_ports_sign_nobody_out(stranger, other):
    """A browser sends the cookies of all that runs on this host, whatever its port."""
    own = f"everloop-{PORT}={Guard(_echo, 'secret', PORT)._session}"
    for cookies in (f"{other}; {own}", f"{own}; {other}"):
        assert stranger.get("/", headers={"Cookie": cookies}).status_code == 200


def test_every_answer_forbids_frames_scripts_of_others_and_keeping(browser):
    for answer in (browser.get("/"), browser.get("/", headers={"Host": "evil.example"})):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy and "http" not in policy
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
