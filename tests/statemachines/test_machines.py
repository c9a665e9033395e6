"""The machines: what linters miss, what conventions ask for, what the template gives."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from everloop.aws.items import wire_item
from everloop.records import lease, window
from everloop.records.writes import names
from statemachines import checks
from tools.translate import source

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "statemachines").glob("*.asl.yaml"))
machines = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name.split(".")[0])


def load(path: Path) -> dict[str, Any]:
    text = path.read_text().replace("${Partition}", "aws")
    machine: dict[str, Any] = yaml.safe_load(text)
    return machine


def test_all_are_there():
    assert [path.name for path in FILES] == [
        f"{name}.asl.yaml" for name in ("deploy", "evaluate", "monitor", "remove", "score", "train")
    ]


@machines
def test_no_check_finds_anything(path):
    assert checks.everything(load(path)) == []


@machines
def test_only_what_a_function_planned_is_unchecked(path):
    _, unchecked = checks.arguments(load(path))
    planned = re.compile(
        r"^(Compare with champion|Write champion's rows|Score champion|Find drift"
        r"|Score golden rows|Write rows|Score rows|Write scores)"
        r"\.\w+: \w+ is an expression$"
    )
    assert [finding for finding in unchecked if not planned.match(finding)] == []


@machines
def test_every_name_that_a_machine_wants_is_given_by_the_template(path):
    wanted = set(re.findall(r"\$\{(\w+)\}", path.read_text()))
    template = source(ROOT / "template.yaml")
    name = path.name.split(".")[0].capitalize()
    given = template["Resources"][f"{name}Machine"]["Properties"]["DefinitionSubstitutions"]
    assert wanted == set(given)


@machines
def test_there_are_no_anchors(path):
    # PyYAML resolves them on a laptop; CloudFormation's reader leaves them as text.
    tokens = yaml.scan(path.read_text())
    assert not [t for t in tokens if isinstance(t, yaml.AnchorToken | yaml.AliasToken)]


@machines
def test_a_machine_is_jsonata_has_a_comment_and_ends_in_time(path):
    machine = load(path)
    assert machine["QueryLanguage"] == "JSONata"
    assert machine["Comment"]
    assert machine["TimeoutSeconds"] > 0


@machines
def test_every_task_retries_named_errors_with_jitter_and_catches_the_rest(path):
    for name, state in checks.walk(load(path)):
        if state["Type"] != "Task":
            continue
        for retry in state["Retry"]:
            assert not {"States.ALL", "States.TaskFailed"} & set(retry["ErrorEquals"]), name
            assert retry["JitterStrategy"] == "FULL", name
            assert retry["MaxAttempts"] <= 10, name
        assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name


@machines
def test_every_wait_for_a_token_has_an_end(path):
    for name, state in checks.walk(load(path)):
        if "waitForTaskToken" in state.get("Resource", ""):
            assert "TimeoutSeconds" in state, name


# Unquoted, YAML takes a `#name` for the beginning of a comment, and nothing says so.
@pytest.mark.parametrize(
    ("machine", "state", "written"),
    [
        ("train", "Await quiet", window.await_quiet("MODEL", 7, "TOKEN")),
        ("monitor", "Begin", lease.wait("MODEL", lease.MONITOR, "EXECUTION", "JOB")),
    ],
)
def test_a_machine_writes_what_the_ledgers_record_has(machine, state, written):
    found = load(ROOT / "statemachines" / f"{machine}.asl.yaml")["States"][state]["Arguments"]
    assert found["UpdateExpression"] == written.change
    assert found["ConditionExpression"] == written.condition
    assert found["ExpressionAttributeNames"] == names(written)
    given = {
        "{% 'MODEL#' & $states.context.Execution.Input.model %}": "MODEL#MODEL",
        "{% $states.context.Task.Token %}": "TOKEN",
        "{% $string($states.context.Execution.Input.window) %}": "7",
        "{% $states.context.Execution.Id %}": "EXECUTION",
        "{% $states.context.Execution.Input.job.name %}": "JOB",
    }

    def known(attributes):
        return {
            name: {kind: given.get(value, value) for kind, value in typed.items()}
            for name, typed in attributes.items()
        }

    assert known(found["Key"]) == wire_item(written.key.attributes)
    values = {f":{name}": value for name, value in written.values.items()}
    assert known(found["ExpressionAttributeValues"]) == wire_item(values)
