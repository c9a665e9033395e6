"""Each record of the ledger comes back as it went in, from a place that is its own."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from everloop.moments import moment
from everloop.records import (
    approval,
    arrival,
    config,
    decision,
    endorsement,
    incident,
    installation,
    lease,
    monitor,
    object_state,
    pin,
    release,
    run,
    seal,
    shortage,
    sweep,
    tick,
    token,
    verdict,
    window,
)
from everloop.records.keys import Item
from everloop.records.writes import Update, names

M, T, LATER = "m", moment("2026-11-20T10:00:00.250Z"), moment("2026-11-20T10:05:00Z")
ARRIVED = arrival.Arrival("data/m/a.csv", "v1", "e", 3, "0A", T)
STATE = object_state.ObjectState("data/m/a.csv", "v1", "withdrawn", "gone", T, "me", "d1")
RUN = run.Run("m-w1-0a", "d", "b", run.DATA, T, run.REGISTERED, LATER, 30, 2, "arn:x")
ENDED = release.Release(3, 2, release.RELEASED, "it serves", T, LATER, 1, "arn:y")
SEAL = seal.Seal(2, "arn:p", "c", "s3://a", "s3://b", "d", "s3://c", "e", "s3://f", "i", {}, {})
WORD = approval.Approval(2, "Approved", T, "policy", "better", "better")
TWICE = replace(WORD, source="ana", by_event=True, two_persons=True)
YES = endorsement.Endorsement(2, T, "arn:ana", "ana", "it holds", ("arn:eve", ""), "rejected")
LACKED = shortage.Trouble("quota", "ResourceLimitExceeded", "q", 0, 1, False, "no")
WAITS = shortage.Shortage(M, shortage.judgement(2), "arn:p", LACKED, T, LATER, 2, LATER, "waits")
WRONG = incident.Incident("alarm/errors", "alarm", "f1", T, "rings", "5xx", ("look",), 2)
TOKEN = token.Token("run/m-w1-0a", "t", M, "arn:x", "end", True)
MADE = config.ServingConfig("m-v1-0a", {"a": [1]}, "m-v1-0b", {"Image": "i"})
SWEPT = sweep.Sweep("data/m/a", T, T, False, T, LATER)
HEAD = decision.Head(7, "f" * 64)

KEYS = [
    installation.key(M),
    window.key(M),
    window.closed_key(M, 1),
    lease.key(M, lease.TRAINING),
    lease.key(M, lease.MONITOR),
    run.key(M, "m-w1-0a"),
    release.key(M, 1),
    seal.key(M, 1),
    approval.key(M, 1),
    endorsement.key(M, 1),
    verdict.key(M, 1),
    pin.key(M),
    config.key(M, "m-v1-0a"),
    decision.key(M, 1),
    decision.mark_key(M, "id"),
    decision.head_key(M),
    incident.key(M, "x"),
    shortage.key(M, "training"),
    monitor.key(M),
    token.key("x"),
    arrival.seen_key(M, "id"),
    object_state.key(M, "id"),
    sweep.KEY,
    tick.KEY,
]

ROUND_TRIPS = [
    ("an arrival", ARRIVED, arrival.put(M, 1, ARRIVED), arrival.of),
    ("an object's state", STATE, object_state.put(M, STATE), object_state.of),
    ("a run", RUN, run.put(M, RUN), run.of),
    ("a run that goes on", replace(RUN, ended_at=None, rows=None), None, run.of),
    ("a release", ENDED, release.put(M, ENDED, 3, ""), release.of),
    ("a seal", SEAL, seal.put(M, SEAL), seal.of),
    ("an approval", WORD, approval.put(M, WORD), approval.of),
    ("one of two yeses", TWICE, approval.put(M, TWICE), approval.of),
    ("the other yes", YES, endorsement.put(M, YES), endorsement.of),
    ("a verdict", verdict.Verdict(2, "Approved", "w"), None, verdict.of),
    ("a pin", (2, "stamp"), pin.put(M, 2, "stamp"), pin.of),
    ("no pin", None, pin.put(M, None, ""), pin.of),
    ("a shortage", WAITS, shortage.put(WAITS), lambda item: shortage.of(M, item)),
    ("an incident", WRONG, incident.put(M, WRONG), incident.of),
    ("a token", TOKEN, token.put(TOKEN, T), lambda item: token.of(TOKEN.subject, item)),
    ("a config", MADE, config.put(M, MADE), lambda item: config.of(MADE.config_name, item)),
    ("the sweep", SWEPT, sweep.put(SWEPT), sweep.of),
    ("the last of a tick", "m", tick.put("m"), tick.of),
]


@pytest.mark.parametrize(
    ("record", "write", "of"), [case[1:] for case in ROUND_TRIPS], ids=[c[0] for c in ROUND_TRIPS]
)
def test_a_record_comes_back_as_it_went_in(record, write, of):
    if write is None:
        put = {run.Run: run.put, verdict.Verdict: verdict.put}[type(record)]
        write = put(M, record)
    assert of(write.item) == record


@pytest.mark.parametrize(
    ("of", "written"),
    [
        (window.of, window.Window()),
        (lease.of, lease.Lease()),
        (monitor.of, monitor.Watch()),
        (sweep.of, sweep.Sweep()),
        (tick.of, ""),
    ],
)
def test_what_was_never_written_is_what_stands_at_the_beginning(of, written):
    nothing: Item = {}
    assert of(nothing) == written


def test_records_of_before_read_without_what_came_since():
    old = {"number": 3, "closed_at": "2026-01-01T00:00:00Z", "objects": 1, "attempt": 1}
    assert window.closed_of({**old, "reason": "quiet"}).cause == run.DATA
    lacks = ("name", "dataset_bytes", "rows", "ended_at")
    kept = {k: v for k, v in run.put(M, RUN).item.items() if k not in lacks}
    assert run.of(kept) == replace(RUN, name="arn:x", dataset_bytes=0, rows=None, ended_at=None)
    kept = {k: v for k, v in release.put(M, ENDED, 3, "").item.items() if k != "execution"}
    assert release.of(kept) == replace(ENDED, execution="")
    lacks = ("bundle_copy_uri", "image", "environment", "metadata")
    kept = {k: v for k, v in seal.put(M, SEAL).item.items() if k not in lacks}
    assert not seal.of(kept).complete


def test_a_models_records_lie_apart_from_each_other():
    assert len(set(KEYS)) == len(KEYS)
    ranges = [window.all_closed(M), run.all_of(M), release.all_of(M), decision.all_of(M)]
    for each in ranges:
        assert sum(key.pk == each.pk and key.sk.startswith(each.prefix) for key in KEYS) == 1


def test_the_contracts_list_every_record_that_is_kept():
    contracts = (Path(__file__).parents[3] / "docs" / "contracts.md").read_text()
    listed = set(re.findall(r"^\| `([A-Z]+)[^|]*\| `([A-Z]+|<)", contracts, re.MULTILINE))
    kept = {(key.pk, key.sk) for key in KEYS}
    begins = {(re.match("[A-Z]+", pk)[0], (re.match("[A-Z]+", sk) or ["<"])[0]) for pk, sk in kept}
    assert begins <= listed, sorted(begins - listed)


def test_an_update_gives_every_value_that_its_expressions_name():
    opened = window.Window(2, 3)
    _, following = window.close(M, opened, T, "quiet", run.DATA)
    updates = [
        following,
        *window.attempts(M, 2, 2),
        window.extend(M, 2, T),
        window.grow(M, 2, [ARRIVED]),
        window.mark(M, 2, ARRIVED),
        window.await_quiet(M, 2, "t"),
        window.forget_token(M, "t"),
        window.note_manifest(M, 2, "d", "s3://m", 3, 1),
        window.note_outcome(M, 2, "failed"),
        window.clear_outcome(M, 2, "failed"),
        lease.take(M, lease.RELEASE, "h", 3, T, LATER),
        lease.take(M, lease.MONITOR, "h", None, T, LATER),
        lease.wait(M, lease.RELEASE, "h", "s"),
        lease.free(M, lease.RELEASE, "h"),
        lease.raise_epoch(M, lease.RELEASE, 3),
        seal.complete(M, SEAL),
        shortage.end(M, "training", T),
        monitor.note_look(M, T, None),
        monitor.note_look(M, T, "s3://f"),
        monitor.note_request(M, T),
        monitor.note_rhythm(M, monitor.Rhythm(T, T, {"2026-11-20": 3}), ""),
        monitor.note_streaks(M, monitor.Streaks("l", 1, "s", 1)),
        decision.move_head(M, {"seq": 8, "hash": "0"}, 7),
        decision.anchor_head(M, 8, T),
    ]
    for update in updates:
        assert isinstance(update, Update)
        text = f"{update.change} {update.condition}"
        words = text.replace("(", " ").replace(")", " ").replace(",", " ").split()
        assert {w[1:] for w in words if w.startswith(":")} == set(update.values), update
        assert {w for w in words if w.startswith("#")} == set(names(update)), update


def test_a_head_is_read_from_the_newest_decision_where_it_was_deleted():
    decided = {"id": "x", "seq": 7, "hash": HEAD.hash, "kind": "train"}
    written = decision.put(M, decided).item
    assert decision.head_of(written) == HEAD
    assert decision.of(written) == decided
