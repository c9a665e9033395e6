"""What doctor says of a model in trouble is so, and every command that it gives works."""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e.laptop import BIN, FOLDER, Laptop, prices, variant

pytestmark = [pytest.mark.cloud, pytest.mark.long, pytest.mark.timeout(600)]
BROKEN = "broken-prices"


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    with Laptop(tmp_path_factory.mktemp("doctor") / "state", minutes=5) as started:
        started.env["PATH"] = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        yield started


def mails(laptop: Laptop) -> list[str]:
    folder = laptop.state / "mail"
    return [path.read_text() for path in sorted(folder.glob("*.txt"))] if folder.exists() else []


def follow(laptop: Laptop, repair: str, folder: Path) -> None:
    """Run what doctor says, as a person does: with files for FILES, and the folder pushed from."""
    files = folder / "more.csv"
    files.write_bytes(prices(9, 200))
    done = subprocess.run(
        ["bash", "-c", repair.replace("FILES", str(files))],
        env={**laptop.env, "AWS_PAGER": "", "COLUMNS": "400"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"$ {repair}\n{done.stdout}{done.stderr}"


def ask(laptop: Laptop, colour: str) -> None:
    body = f"id,colour\n1,{colour}\n".encode()
    runtime = laptop.client("sagemaker-runtime")
    with contextlib.suppress(runtime.exceptions.ModelError):
        runtime.invoke_endpoint(EndpointName=BROKEN, Body=body, ContentType="text/csv")


def found(laptop: Laptop, said: str) -> list[dict[str, Any]]:
    return [each for each in laptop.doctor()[1] if said in each["found"]]


def test_an_endpoint_that_answers_errors_is_heard_from_its_first_release_on(
    laptop: Laptop, tmp_path: Path
) -> None:
    """The first release has no version to go back to, and nobody but its alarm sees it break."""
    code = (FOLDER / "inference.py").read_text()
    code += "\n\n_usual = predict_fn\n\n\ndef predict_fn(rows, model):\n"
    code += "    if 'boom' in str(rows):\n        raise RuntimeError('boom')\n"
    code += "    return _usual(rows, model)\n"
    laptop.everloop("push", str(variant(tmp_path, BROKEN, {"inference.py": code})))
    laptop.put(f"data/{BROKEN}/one.csv", prices(1, 300))
    laptop.decided(BROKEN, "judge")
    if not laptop.decisions(BROKEN, "serve"):
        laptop.approve(BROKEN, 1)
    laptop.serves(BROKEN, 1)
    alarm = f"everloop-{BROKEN}-serving-errors"

    def watched() -> bool | None:
        told = laptop.client("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
        return bool(told) or None

    laptop.wait(BROKEN, "the alarm", watched)

    def heard() -> list[str] | None:
        ask(laptop, "boom")
        return [mail for mail in mails(laptop) if "its endpoint answers errors" in mail] or None

    mail = laptop.wait(BROKEN, "the message", heard)[0]
    assert "OK again" not in mail
    assert f"{BROKEN} v1" in mail
    finding = found(laptop, "its endpoint answers errors, since")[0]
    assert finding["state"] == "wrong"
    follow(laptop, finding["fix"], tmp_path)

    def over() -> list[str] | None:
        ask(laptop, "red")
        return [mail for mail in mails(laptop) if "OK again" in mail] or None

    laptop.wait(BROKEN, "the end", over)
    # An alarm may ring twice while a busy machine asks slowly: each time is told, and its end. If
    # its action and a tick of reconcile meet within a moment, both may tell of the same time.
    told = [each.partition("\n")[2] for each in mails(laptop)]
    once = dict.fromkeys(each for each in told if "its endpoint answers errors" in each)
    ends = ["OK again" in each for each in once]
    assert ends == [bool(number % 2) for number in range(len(ends))]
    assert found(laptop, "its endpoint answers errors, since") == []
    assert laptop.denied() == []


def test_each_command_of_the_doctor_does_what_it_says(laptop: Laptop, tmp_path: Path) -> None:
    name = "sick"
    variant(tmp_path / "models", name, {})
    laptop.put(f"data/{name}/one.csv", prices(1, 300))  # it comes before its model
    laptop.decided(name, "collect")
    (stray,) = found(laptop, f"no model {name} is installed")
    follow(laptop, stray["fix"], tmp_path)
    laptop.decided(name, "train-end")
    assert found(laptop, f"no model {name} is installed") == []

    laptop.everloop("pause", name, "--reason", "moving")
    (paused,) = found(laptop, "moving")
    follow(laptop, paused["fix"], tmp_path)
    assert found(laptop, "moving") == []

    incident(laptop, name, "violation/data", "a violation was found", "everloop drop sick FILES")
    incident(laptop, name, "violation/unanswered", "a violation was found", "")
    (violation,) = found(laptop, "a violation was found (data), since")
    assert violation["state"] == "wrong"
    follow(laptop, violation["fix"], tmp_path)

    laptop.decided(name, "judge")
    waits = found(laptop, "version 1 waits for approval")
    follow(laptop, waits[0]["fix"] if waits else f"everloop approve {name} --version 1", tmp_path)
    assert laptop.decided(name, "serve")["go"]
    assert laptop.denied() == []


def incident(laptop: Laptop, model: str, subject: str, happened: str, command: str) -> None:
    """Write an incident as the product does."""
    to_do = [{"S": "Do this:"}, {"S": f"  {command}"}] if command else []
    laptop.client("dynamodb").put_item(
        TableName="everloop-ledger",
        Item={
            "pk": {"S": f"MODEL#{model}"},
            "sk": {"S": f"INCIDENT#{subject}"},
            **{"kind": {"S": "violation"}, "fact": {"S": "f"}, "happened": {"S": happened}},
            **{"since": {"S": "2026-11-20T10:00:00.000Z"}, "why": {"S": json.dumps("drift")}},
            **{"to_do": {"L": to_do}, "version": {"NULL": True}},
        },
    )
