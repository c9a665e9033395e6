"""A look's turn, and the messages on looks that see nothing: read, decide, notify, write down."""

from collections.abc import Sequence
from datetime import datetime

from everloop.aws import machines, monitoring
from everloop.decisions.looks import Silence, after_look, silent, under_way, with_arrivals
from everloop.decisions.monitoring import TRAFFIC, Findings
from everloop.decisions.releases import Serving
from everloop.errors import Conflict
from everloop.flows import incidents, report
from everloop.messages import Message
from everloop.moments import text
from everloop.records.installation import Installation
from everloop.records.monitor import Watch
from everloop.spec import policy

# The incidents of an endpoint without traffic, and of looks that cannot judge.
_SILENT, _BLIND = "monitor/silent", "monitor/blind"


def take_turn(model: str, look: str, now: datetime) -> str:
    """Take a look's turn; empty if it has it now, else why it has not.

    A look that died without giving its turn back loses it; its files are the next one's. So does
    one that has not begun, however little time may have passed: ticks that come late come at once.
    Its machine sees that first of all, and ends.
    """
    turn = monitoring.whose_turn(model)
    if turn.holder and turn.holder != look:
        if under_way(machines.status(turn.holder), turn, now):
            began = f" since {text(turn.since)}" if turn.since else ""
            return f"a look is under way{began}: {turn.holder.rpartition(':')[2]}"
        if not monitoring.take_turn_away(model, turn):
            return "another look has just begun"
    try:
        monitoring.take_turn(model, look, now)
    except Conflict:
        return "another look has just begun"
    return ""


def has_turn(model: str, look: str, until: datetime) -> bool:
    """Whether what a look found counts: nobody else has, or had, the traffic that it got."""
    if monitoring.whose_turn(model).holder not in ("", look):
        return False
    looked = monitoring.last_look(model)
    return looked is None or looked <= until


def note_traffic(
    installed: Installation,
    watch: Watch,
    serving: Serving,
    arrivals: Sequence[datetime],
    now: datetime,
) -> str:
    """Note when traffic came; notify people once when there is none for too long, and once when it
    is back. Return why it could not judge, empty if silence is not too long."""
    model, rules = installed.model, policy.watch(installed.spec)
    rhythm = with_arrivals(watch.rhythm, arrivals, now)
    if arrivals and watch.silent_since:
        incidents.over(model, _SILENT, installed.spec, now, "Traffic is captured again.")
    silence = Silence(False, "")
    if not rules.captured:
        return f"could not judge: {rules.uncaptured}"
    if not arrivals:
        silence = silent(
            rhythm,
            now,
            served_since=serving.changed_at,
            schedule=rules.schedule,
            silent_hours=rules.silent_hours,
        )
    since = silence.since if silence.go else ""
    if silence.go:
        report.count("CouldNotJudge", model=model)
        _notify_silence(installed, silence, since, serving, now)
    if rhythm != watch.rhythm or since != watch.silent_since:
        monitoring.note_rhythm(model, rhythm, since)
    return silence.reason if silence.go else ""


def _notify_silence(
    installed: Installation, silence: Silence, since: str, serving: Serving, now: datetime
) -> None:
    model = installed.model
    report.decided(
        "monitor",
        id=f"silent:{since}",
        model=model,
        time=now,
        go=False,
        reason=silence.reason,
        facts={**silence.facts, "version": serving.version},
        subject=f"endpoint/{model}",
    )
    message = Message(
        kind="could-not-judge",
        model=model,
        version=serving.version,
        happened=f"no traffic was captured for {silence.hours:g} hours",
        why=silence.reason,
        id=f"silent:{since}",
        numbers={
            "hours without traffic": silence.hours,
            "allowed": silence.allowed_hours,
        },
        to_do=(
            f"See whether clients still call the endpoint {model}, and whether it answers them:",
            f"  aws sagemaker describe-endpoint --endpoint-name {model}",
            "If such pauses are its rhythm: silent_hours in [monitor] of model.toml.",
        ),
    )
    incidents.open_incident(message, installed.spec, now, _SILENT)


def count_look(
    installed: Installation, findings: Findings, look: str, findings_uri: str, now: datetime
) -> None:
    """Count a look among those in a row; notify people of the last that is one too many, and of the
    first that can judge again."""
    model, before = installed.model, monitoring.watch(installed.model).streaks
    violated = any(monitor != TRAFFIC for monitor in findings.monitors)
    after = after_look(
        before,
        look,
        now,
        blind=bool(findings.blind),
        judged=findings.judged > 0,
        violated=violated,
    )
    report.count("CouldNotJudge", model=model, value=1 if findings.blind else 0)
    most = policy.watch(installed.spec).blind_looks
    if after.blind >= most:
        _notify_blindness(installed, findings, after.blind, after.blind_since, findings_uri, now)
    elif before.blind >= most and not after.blind:
        incidents.over(model, _BLIND, installed.spec, now, "The monitor can judge again.")
    if after != before:
        monitoring.note_streaks(model, after)


def _notify_blindness(
    installed: Installation,
    findings: Findings,
    looks: int,
    since: str,
    findings_uri: str,
    now: datetime,
) -> None:
    page = findings_uri.rpartition("/")[0] + "/report.html"
    message = Message(
        kind="could-not-judge",
        model=installed.model,
        version=findings.version,
        happened=f"{looks} looks in a row could not judge {' and '.join(findings.blind)}",
        why=findings.reason,
        id=f"blind:{since}",
        numbers={
            name: value
            for name, value in (
                ("rows in the last look", findings.rows),
                ("unreadable records", findings.unreadable_records),
            )
            if isinstance(value, int)
        },
        to_do=(
            "What the last look saw, and why it could not judge, is in its report:",
            f"  aws s3 cp {page} .",
            "Too few rows: a longer schedule, or a lower min_rows in [monitor] of model.toml.",
            "Unreadable: docs/drift.md lists what is read of requests and answers.",
            "Labels that join nothing: are they named by [data] key, as requests are?",
        ),
        links={"report": page},
    )
    incidents.open_incident(message, installed.spec, now, _BLIND)
