"""Events and requests that handlers are given: mutated, extended, forged.

Whatever comes, a handler does its work or refuses with one of Everloop's own errors, whose reason
Lambda puts into the dead-letter queue; what it refuses changes nothing.
"""

import importlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError
from functions.conftest import ACCOUNT, REGION, Account, new_clients, opened
from fuzz.hostile import WRONG, as_delivered, extended, mutated
from fuzz.target import Check, Target
from hypothesis import strategies as st
from moto.backends import get_backend

from everloop.aws import table
from everloop.errors import EverloopError
from everloop.records import arrival
from everloop.records.keys import Key
from everloop.records.object_state import object_id

MODEL = "flight-delays"
EVENTS = Path(__file__).parents[2] / "events"
_STRANGERS = ("999999999999", "eu-west-1", "someone.else")
Json = dict[str, Any]

# Each handler with the samples of events/ that it is given.
BY_EVENT = {
    "install_model": ["s3-object-created-bundle"],
    "on_package_changed": [
        "sagemaker-model-package-approved",
        "sagemaker-model-package-approved-legacy",
        "sagemaker-model-package-created-pending",
        "sagemaker-model-package-rejected",
        "sagemaker-model-package-metadata-stamp-while-approved",
    ],
    "resume_execution": [
        "sagemaker-pipeline-execution-succeeded",
        "sagemaker-pipeline-execution-failed",
        "sagemaker-endpoint-in-service",
        "sagemaker-endpoint-updating",
        "sagemaker-endpoint-deployment-canary-baking",
    ],
    "on_violation": [
        "everloop-violation-found",
        "cloudwatch-alarm-drift-alarm",
        "cloudwatch-alarm-endpoint-5xx",
        "cloudwatch-alarm-modelmonitor-feature-drift",
        "sagemaker-processing-job-model-monitor-violations",
    ],
}
BY_REQUEST = {
    **{
        name.replace("-", "_"): [f"machine-{name}"]
        for name in (
            *("finish-release", "finish-training", "freeze-dataset", "judge-candidate"),
            *("judge-findings", "plan-comparison", "plan-release", "start-rollout"),
            *("start-training", "probe-endpoint"),
        )
    },
    "change_data": ["request-change-data"],
    "pause_models": ["request-pause-models"],
    "request_training": ["request-training", "schedule-training"],
    "reproduce_version": [
        *("request-reproduction", "sagemaker-reproduction-ended"),
    ],
    "plan_monitoring": ["schedule-monitor"],
    "reconcile": ["schedule-reconcile"],
}
ARRIVALS = [
    *("s3-object-created-data", "s3-object-created-marker"),
    *("s3-object-deleted-data", "s3-object-deleted-lifecycle"),
]


def sample(name: str) -> Json:
    event: Json = json.loads((EVENTS / f"{name}.json").read_text())
    return event


def _chosen(handlers: dict[str, list[str]]) -> st.SearchStrategy[tuple[str, Json]]:
    pairs = [(handler, sample(name)) for handler, names in handlers.items() for name in names]
    return st.sampled_from(pairs)


def _with(
    change: Callable[[st.SearchStrategy[Any]], st.SearchStrategy[Any]],
    handlers: dict[str, list[str]],
) -> st.SearchStrategy[tuple[str, Json]]:
    return _chosen(handlers).flatmap(
        lambda pair: st.tuples(st.just(pair[0]), change(st.just(pair[1])))
    )


@contextmanager
def _account(folder: Path) -> Iterator[Account]:
    """A model with a version that serves, one that waits, and a window with two objects."""
    with new_clients(), opened(folder) as account:
        account.push()
        account.register(1, "Approved")
        account.register(2)
        account.serve(1)
        account.drop(*(account.arrival(f"data/{MODEL}/{n}.csv") for n in range(2)))
        account.violation()
        yield account


def invoked(account: Account, handler: str, event: Any) -> Exception | Any:
    """Invoke a handler as Lambda does; return its answer, or the refusal that Lambda would keep.

    A machine's request that AWS itself refuses ends with AWS's words in the machine's history.
    """
    try:
        answer = importlib.import_module(handler).handler(as_delivered(event), account.context)
    except EverloopError as refused:
        assert str(refused).strip(), f"{handler} refused without a reason"
        return refused
    except (ClientError, ParamValidationError) as refused:
        if handler in BY_REQUEST:
            return refused
        raise
    except NotImplementedError:  # moto does not list the steps of pipelines
        return None
    json.dumps(answer)  # Lambda answers in JSON
    return answer


def _state() -> list[str]:
    """Return all that an effect would change, from moto's own memory: it is asked often."""
    ledger = get_backend("dynamodb")[ACCOUNT][REGION].tables["everloop-ledger"]
    machines = get_backend("stepfunctions")[ACCOUNT][REGION].state_machines
    sagemaker = get_backend("sagemaker")[ACCOUNT][REGION]
    return [
        *sorted(str(item.attrs) for items in ledger.items.values() for item in items.values()),
        *sorted(run.execution_arn for machine in machines for run in machine.executions),
        *(package.model_approval_status for package in sagemaker.model_packages.values()),
        *(f"{each.endpoint_name} {each.endpoint_status}" for each in sagemaker.endpoints.values()),
    ]


@contextmanager
def _handled(folder: Path) -> Iterator[Check]:
    with _account(folder) as account:

        def check(case: tuple[str, Json]) -> None:
            handler, event = case
            before = _state() if handler in BY_EVENT else []
            answer = invoked(account, handler, event)
            if isinstance(answer, Exception) and before:
                assert _state() == before, f"{handler} changed something and refused"

        yield check


@contextmanager
def _extended(folder: Path) -> Iterator[Check]:
    with _account(folder) as account:

        def check(case: tuple[str, Json, Json]) -> None:
            handler, event, grown = case
            plain, answer = (invoked(account, handler, each) for each in (event, grown))
            assert type(plain) is type(answer), f"{handler} minds a new field: {answer}"
            if isinstance(answer, Exception):
                assert str(plain) == str(answer), f"{handler} minds a new field: {answer}"

        yield check


@contextmanager
def _forged(folder: Path) -> Iterator[Check]:
    with _account(folder) as account:

        def check(case: tuple[str, Json]) -> None:
            handler, event = case
            before = _state()
            answer = invoked(account, handler, event)
            assert isinstance(answer, Exception), f"{handler} believed it: {answer}"
            assert _state() == before, f"{handler} changed something"

        yield check


@st.composite
def _grown(draw: Any) -> tuple[str, Json, Json]:
    handler, event = draw(_chosen({**BY_EVENT, **BY_REQUEST}))
    return handler, event, draw(extended(st.just(event)))


@st.composite
def _forgeries(draw: Any) -> tuple[str, Json]:
    handler, event = draw(_chosen(BY_EVENT))
    forged = deepcopy(event)
    field = draw(st.sampled_from(["account", "region", "source", "detail-type"]))
    forged[field] = draw(st.one_of(st.sampled_from(_STRANGERS), WRONG))
    if as_delivered(forged)[field] == event[field]:
        forged[field] = _STRANGERS[0]
    return handler, forged


@contextmanager
def _arrived(folder: Path) -> Iterator[Check]:
    with _account(folder) as account:
        number = 0

        def check(body: Any) -> None:
            nonlocal number
            number += 1
            good = account.arrival(f"data/{MODEL}/good-{number}.csv")
            bodies = [json.dumps(good), body if isinstance(body, str) else json.dumps(body)]
            records = [{"messageId": f"m{i}", "body": text} for i, text in enumerate(bodies)]
            answer = invoked(account, "collect_data", {"Records": records})
            failed = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
            assert failed in ([], ["m1"]), f"what is good went back, too: {failed}"
            told = good["detail"]["object"]
            id = object_id(told["key"], told["version-id"])
            kept = Key(arrival.of_window(MODEL, 1).pk, id)
            assert table.get(kept) is not None, "an arrival was lost"

        yield check


_BODIES = st.one_of(
    mutated(st.sampled_from([sample(name) for name in ARRIVALS])),
    mutated(st.sampled_from([sample(name) for name in ARRIVALS])),
    WRONG,
    st.sampled_from(["", "{", "[" * 50_000, "\x00", "null", '{"a":' * 3000, "NaN", '"x"']),
)

TARGETS = [
    Target("events", _with(mutated, BY_EVENT), _handled, share=20),
    Target("requests", _with(mutated, BY_REQUEST), _handled, share=20),
    Target("unknown fields", _grown(), _extended, share=4),
    Target("forged events", _forgeries(), _forged, share=8),
    Target("arrivals", _BODIES, _arrived, share=6),
]
