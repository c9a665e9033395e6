"""Runs one whole loop against a real stack: `make aws-smoke`. See docs/aws.md."""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import boto3

from everloop.billing import prices
from everloop.errors import EverloopError
from everloop.spec import policy
from everloop.spec.model_spec import load_spec
from everloop_cli import show, weather
from proofs.smoke import cost, target
from proofs.smoke.differences import differences
from proofs.smoke.loop import Loop
from proofs.smoke.recording import Recording

FOLDER = target.ROOT / "models" / "sky-temperature"
MONTHS = 2  # of weather, in each of two drops


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--stack", help="a name that was never used; also the model's")
    parser.add_argument("--cap", type=float, default=5.0, help="most that it may cost, in USD")
    parser.add_argument("--region-prices", default="us-east-1", help="whose prices count")
    parser.add_argument("--prices", type=Path, help="prices of your own")
    parser.add_argument("--record", type=Path, help="where the cases are written")
    parser.add_argument("--compare", type=Path, help="recorded cases to compare the answers with")
    parser.add_argument(
        "--yes-this-costs",
        action="store_true",
        help="in your account, as your credentials and region say; else in a cloud of this machine",
    )
    options = parser.parse_args(arguments)
    # Its buckets and ledger outlive a stack, so no name can be had twice in an account.
    options.stack = options.stack or f"everloop-smoke-{time.strftime('%m%d%H%M')}"
    with tempfile.TemporaryDirectory(prefix="everloop-smoke-") as folder:
        try:
            return run(options, Path(folder))
        except (EverloopError, target.Failed) as error:
            show.err.print(f"FAILED: {error}", style="red", markup=False)
            return 1


def run(options: argparse.Namespace, folder: Path) -> int:
    """Say what it costs, then turn the loop; 0 where it turned and nothing is left."""
    model = folder / options.stack
    shutil.copytree(FOLDER, model)
    text = _lenient((model / "model.toml").read_text())
    (model / "model.toml").write_text(text)
    spec = load_spec(text, name=options.stack, source="model.toml")
    table = prices.read(options.region_prices, options.prices or prices.FILE)
    bill = cost.estimate(policy.document(spec), table)
    title = f"{table.currency} on AWS, {table.region}, {table.as_of}"
    rows = [*bill.lines, ("together", bill.total)]
    show.table(
        title, ("at most", "without free tier"), [(what, show.Money(each)) for what, each in rows]
    )
    if bill.total > options.cap:
        raise target.Failed(
            f"that is above the cap of {options.cap:.2f}: raise --cap, or shrink it"
        )
    place = target.account if options.yes_this_costs else target.laptop
    show.out.print(f"deploying {options.stack}…")
    with place(options.stack, folder) as reached:
        cases, left = _turn(reached, model, _drops(folder))
    if options.yes_this_costs:
        show.out.print(
            f"{options.stack}'s buckets and ledger are kept: docs/leave.md", markup=False
        )
    if options.record:
        options.record.write_text(json.dumps(cases, indent=1, sort_keys=True) + "\n")
    wrong = [f"left: {each}" for each in left]
    if options.compare:
        wrong += differences(json.loads(options.compare.read_text()), cases)
    for line in wrong:
        show.out.print(line, style="red", markup=False)
    show.out.print(f"SMOKE {len(cases)} answers recorded, {len(wrong)} findings", markup=False)
    return 1 if wrong else 0


def _turn(reached: target.Target, model: Path, drops: list[Path]) -> tuple[dict, list[str]]:  # type: ignore[type-arg]
    session = boto3.Session()
    recording = Recording(str(session.client("sts").get_caller_identity()["Account"]))
    recording.follow(session)
    loop = Loop(reached, session, recording, model, drops, _say)
    try:
        loop.turn()
    except Exception as error:  # is told now: to remove what is there may fail, too
        what = f"{recording.step}: {type(error).__name__}: {error}"
        show.err.print(what, style="red", markup=False)
        raise
    finally:  # on AWS what is left costs, however the loop ended
        recording.step = "remove"
        reached.everloop("remove", model.name, "--with-versions", "--yes")
    return recording.cases, loop.left()


def _lenient(text: str) -> str:
    """Let a model of two months of weather pass: what is tried is the loop, not the forecast."""
    made = text.replace("r2 = { min = 0.5 }", "r2 = { min = -1.0 }").replace(
        "max = 10.0", "max = 30.0"
    )
    if made.count("min = -1.0") != 1 or made.count("max = 30.0") != 1:
        raise target.Failed(f"{FOLDER}/model.toml has other bars than are known here")
    return made


def _drops(folder: Path) -> list[Path]:
    months = list(weather.months())
    made = []
    for number in range(2):
        path = folder / f"drop-{number + 1}.csv"
        first, *others = (data for _, data in months[number * MONTHS : (number + 1) * MONTHS])
        path.write_bytes(first + b"".join(each.partition(b"\n")[2] for each in others))
        made.append(path)
    return made


def _say(step: str, seconds: float) -> None:
    show.out.print(f"{seconds:8.1f} s  {step}", markup=False)


if __name__ == "__main__":
    sys.exit(main())
