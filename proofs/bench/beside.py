"""The local cloud beside moto server and ministack: one run, in turns, medians and ratios.

The local cloud keeps what it acknowledges on disk; the other two, as started here, keep theirs in
memory only. All three are driven by the same boto3 client, whose own work is part of every figure.
"""

import json
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from botocore.exceptions import ClientError

from everloop_cli import show
from proofs.bench.cases import CASES, Call, Unable, rule_to_function
from proofs.bench.emulators import THEIRS, Emulator, all_of_them
from proofs.bench.ground import percentile

ROUNDS = 5
STARTS = 3
EVENTS = 10_000
Row = tuple[object, ...]
_PER_CALL = 10  # AWS's limit of entries
_SILENCE = 60.0  # seconds without another invocation: the rest is lost


def run(folder: Path, rounds: int = ROUNDS) -> list[str]:
    """Measure and print; return the cases that the local cloud itself could not do."""
    if not (THEIRS / "moto_server").exists():
        show.err.print("bench: no other emulators here; tools/setup bench installs them")
        return []
    emulators = all_of_them(folder)
    names = [emulator.name for emulator in emulators]
    try:
        starts = _starts(emulators)
        idle = [emulator.memory() for emulator in emulators]
        rows = [_case(emulators, *case, rounds) for case in CASES]
        loaded = [emulator.memory() for emulator in emulators]
        table = [
            ("start until the first answer, s", *(round(s, 2) for s in starts)),
            ("memory idle, MiB", *(_number(value, 0) for value in idle)),
            ("memory after this load, MiB", *(_number(value, 0) for value in loaded)),
        ]
        show.table("Emulators beside each other", ("", *names), table)
        columns = ("", *names, "ours / best other")
        show.table("Latency: p50 / p95 ms, one thread", columns, [row[0] for row in rows])
        show.table("Calls per second, 4 threads", columns, [row[1] for row in rows if row[1][1]])
        show.table("CPU of the emulator, ms per call", columns, [row[2] for row in rows])
        burst = [(emulator.name, *_burst(emulator)) for emulator in emulators]
        show.table(
            f"{EVENTS:,} events through a rule to a function",
            ("", "ran", "lost", "seconds", "of these to send"),
            burst,
        )
        ours = [*((row[0][0], row[0][1]) for row in rows), ("events", burst[0][1])]
        return [str(name) for name, said in ours if str(said).startswith("n/a")]
    finally:
        for emulator in emulators:
            emulator.stop()


def _starts(emulators: list[Emulator]) -> list[float]:
    taken: list[list[float]] = [[] for _ in emulators]
    for number in range(STARTS):
        for emulator, seconds in zip(emulators, taken, strict=True):
            if number:
                emulator.stop()
            seconds.append(emulator.start())
    return [statistics.median(seconds) for seconds in taken]


def _case(
    emulators: list[Emulator],
    name: str,
    prepare: Callable[[Emulator], Call],
    calls: int,
    threads: int,
    rounds: int,
) -> list[Row]:
    """Measure one case in turns; returns its rows of latency, throughput and CPU."""
    ready: list[Call | str] = [_ready(emulator, prepare) for emulator in emulators]
    times: list[list[float]] = [[] for _ in emulators]
    rates: list[list[float]] = [[] for _ in emulators]
    costs: list[list[float]] = [[] for _ in emulators]
    for _ in range(rounds):
        for index, call in enumerate(ready):
            if isinstance(call, str):
                continue
            before = emulators[index].busy()
            try:
                for _ in range(calls):
                    began = time.perf_counter()
                    call()
                    times[index].append((time.perf_counter() - began) * 1000)
                after = emulators[index].busy()
                if before is not None and after is not None:
                    costs[index].append((after - before) * 1000 / calls)
                if threads:
                    rates[index].append(_rate(call, calls, threads))
            except Unable as reason:
                ready[index] = f"n/a: {reason}"

    def spread(taken: list[float]) -> str:
        return f"{statistics.median(taken):.2f} / {percentile(taken, 0.95):.2f}"

    return [
        (name, *_cells(ready, times, spread), _ratio(ready, times, min)),
        (
            name,
            *_cells(ready, rates, lambda each: f"{statistics.median(each):.0f}"),
            _ratio(ready, rates, max),
        ),
        (
            name,
            *_cells(ready, costs, lambda each: f"{statistics.median(each):.1f}"),
            _ratio(ready, costs, min),
        ),
    ]


def _ready(emulator: Emulator, prepare: Callable[[Emulator], Call]) -> Call | str:
    try:
        call = prepare(emulator)
        call()
    except Unable as reason:
        return f"n/a: {reason}"
    except ClientError as error:
        return f"n/a: {str(error)[:100]}"
    return call


def _rate(call: Call, calls: int, threads: int) -> float:
    began = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(call) for _ in range(calls)]:
            done.result()
    return calls / (time.perf_counter() - began)


def _cells(
    ready: list[Call | str], measured: list[list[float]], told: Callable[[list[float]], str]
) -> list[str]:
    return [
        call if isinstance(call, str) else told(values) if values else ""
        for call, values in zip(ready, measured, strict=True)
    ]


def _ratio(
    ready: list[Call | str], measured: list[list[float]], best: Callable[[list[float]], float]
) -> str:
    """Return the local cloud's median over the better of the others'."""
    medians = [
        statistics.median(values) if values and not isinstance(call, str) else None
        for call, values in zip(ready, measured, strict=True)
    ]
    others = [value for value in medians[1:] if value is not None]
    if medians[0] is None or not others or not best(others):
        return ""
    return f"{medians[0] / best(others):.2f}"


def _number(value: float | None, digits: int) -> str:
    return "n/a: no /proc" if value is None else f"{value:.{digits}f}"


def _burst(emulator: Emulator) -> tuple[object, ...]:
    """Send the events and wait until the function ran for every one of them."""
    try:
        source = rule_to_function(emulator)
    except Unable as reason:
        return f"n/a: {reason}", "", "", ""
    lines = emulator.folder / "burst"
    events = emulator.client("events")
    began = time.perf_counter()

    def send(first: int) -> None:
        entries = [
            {
                "Source": source,
                "DetailType": "burst",
                "Detail": json.dumps({"lines": str(lines), "number": number}),
            }
            for number in range(first, first + _PER_CALL)
        ]
        answer = events.put_events(Entries=entries)
        if answer["FailedEntryCount"]:
            raise RuntimeError(f"{emulator.name} refused {answer['FailedEntryCount']} events")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, range(0, EVENTS, _PER_CALL)))
    ran: set[str] = set()
    sent = heard = time.perf_counter()
    while len(ran) < EVENTS and time.perf_counter() - heard < _SILENCE:
        seen = set(lines.read_text().split()) if lines.exists() else set()
        if len(seen) > len(ran):
            ran, heard = seen, time.perf_counter()
        time.sleep(0.1)
    return len(ran), EVENTS - len(ran), round(heard - began, 1), round(sent - began, 1)
