"""A removed model leaves nothing that bills, its data and its decisions stay, and nothing brings
it back but a push.
"""

from datetime import timedelta

import pytest
from functions.conftest import SPEC
from moto.sagemaker.models import sagemaker_backends

import on_package_changed
import on_stack_changed
import plan_monitoring
import reconcile
import remove_models
from everloop.aws import alarms, clients, journal, ledger, machines, monitoring, removals
from everloop.chain import verify
from everloop.errors import BadInput
from everloop.moments import moment, text
from everloop.records.lease import RELEASE
from everloop.records.run import Run

MODEL = "flight-delays"
NOW = moment("2026-11-20T10:00:01Z")
ANA = "arn:aws:iam::123456789012:user/ana"


def ask(account, step="begin", **values):
    request = account.request("request-remove-models", step=step, **values)
    return remove_models.handler(request, account.context)


def remove(account, **values):
    """Do as the machine does, until nothing is left; return what the last pass said."""
    ask(account, **values)
    for _ in range(5):
        said = ask(account, "go on", **values)
        if said["done"]:
            break
    return said


def tick(account, time="2026-11-20T10:20:00Z"):
    return reconcile.handler({"time": time}, account.context)["repaired"]


def served(account):
    """Push a model that serves version 2, and has all that releases and looks leave behind."""
    account.push()
    sagemaker = account.client("sagemaker")
    for version in (1, 2):
        account.register(version, approval="Approved")
        name = f"{MODEL}-v{version}-0123abcd"
        sagemaker.create_model(
            ModelName=name,
            PrimaryContainer={"Image": "image:1"},
            ExecutionRoleArn="arn:aws:iam::123456789012:role/r",
        )
        variant = {"VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.m5.large"}
        sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=[{**variant, "InitialInstanceCount": 1}]
        )
    for endpoint, version in ((MODEL, 2), (f"{MODEL}-staging", 1)):
        config = f"{MODEL}-v{version}-0123abcd"
        sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
        account.client("logs").create_log_group(logGroupName=f"/aws/sagemaker/Endpoints/{endpoint}")
    tick(account)  # alarms of the endpoint
    for word in ("errors", "latency"):
        alarms.put(
            {
                **{"AlarmName": f"everloop-{MODEL}-v2-0123abcd-{word}", "Threshold": 1.0},
                **{"Namespace": "n", "MetricName": "m", "Statistic": "Sum", "Period": 60},
                **{"EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold"},
            }
        )
    account.mails()


def there(account):
    """Return the names of all that a model can have, by what it is."""
    sagemaker = account.client("sagemaker")
    schedules = account.client("scheduler").list_schedules(GroupName="everloop")["Schedules"]
    return {
        "endpoint": [e["EndpointName"] for e in sagemaker.list_endpoints()["Endpoints"]],
        "config": [
            c["EndpointConfigName"] for c in sagemaker.list_endpoint_configs()["EndpointConfigs"]
        ],
        "model": [m["ModelName"] for m in sagemaker.list_models()["Models"]],
        "alarm": list(alarms.beginning("everloop-")),
        "schedule": [each["Name"] for each in schedules],
        "pipeline": [p["PipelineName"] for p in sagemaker.list_pipelines()["PipelineSummaries"]],
        "logs": [
            g["logGroupName"] for g in account.client("logs").describe_log_groups()["logGroups"]
        ],
    }


def removed(account):
    return [d for d in account.decisions() if d["kind"] == "remove"]


def test_nothing_is_left_but_what_people_gave_and_decided(account):
    before = there(account)
    served(account)
    assert all(there(account).values())
    said = remove(account)
    assert said["done"] and said["reason"] == "nothing is left"
    assert there(account) == before
    sagemaker = account.client("sagemaker")
    kept = sagemaker.list_model_packages(ModelPackageGroupName=MODEL)["ModelPackageSummaryList"]
    assert len(kept) == 2
    assert ledger.models() == [] and ledger.find_installed(MODEL) is None
    begun, ended = removed(account)
    assert (begun["go"], begun["actor"]) == (False, ANA)
    assert begun["reason"] == "its removal begins: the airline was sold"
    assert (ended["go"], ended["actor"], ended["reason"]) == (True, ANA, "the airline was sold")
    assert ended["facts"]["removed"] == {
        **{"alarm": 3, "endpoint": 2, "endpoint config": 2, "log group": 2},
        **{"model in SageMaker": 2, "pipeline": 1, "schedule": 1},
    }
    head = journal.head(MODEL)
    assert verify(account.decisions(), {"seq": head.seq, "hash": head.hash}, []) == []
    assert account.mails() == [f"{MODEL}: was removed"]


def test_twice_is_once_and_says_so(account):
    served(account)
    remove(account)
    assert ask(account) == {"models": []}
    assert ask(account, "go on")["done"]
    assert len(removed(account)) == 2
    with pytest.raises(BadInput, match=r"never-there.*never was"):
        ask(account, model="never-there")


def test_others_keep_theirs(account):
    account.push("flight")
    account.push("flight-delays-2")
    served(account)
    sagemaker = account.client("sagemaker")
    for name in (f"{MODEL}-2-v1-0123abcd", "flight-v1-0123abcd", f"{MODEL}-v1-mine"):
        sagemaker.create_model(
            ModelName=name,
            PrimaryContainer={"Image": "image:1"},
            ExecutionRoleArn="arn:aws:iam::123456789012:role/r",
        )
    machines.start(machines.TRAIN, "flight-w1-a1", {})
    machines.start(machines.TRAIN, f"{MODEL}-2-w1-a1", {})
    machines.start(machines.TRAIN, f"{MODEL}-w1-a1", {})
    remove(account)
    left = there(account)
    assert sorted(left["model"]) == [
        f"{MODEL}-2-v1-0123abcd",
        f"{MODEL}-v1-mine",
        "flight-v1-0123abcd",
    ]
    assert sorted(left["pipeline"]) == ["flight", f"{MODEL}-2"]
    assert sorted(left["schedule"]) == [
        "everloop-flight-delays-2-monitor",
        "everloop-flight-monitor",
    ]
    assert sorted(ledger.models()) == ["flight", f"{MODEL}-2"]
    running = [arn.rpartition(":")[2] for arn in machines.running(machines.TRAIN)]
    assert sorted(running) == [f"{MODEL}-2-w1-a1", "flight-w1-a1"]


def test_whatever_works_for_it_is_stopped_first(account):
    served(account)
    started = {
        machines.TRAIN: f"{MODEL}-w1-a1",
        machines.EVALUATE: f"{MODEL}-v2-0123",
        machines.DEPLOY: f"{MODEL}-r3-v2",
        machines.MONITOR: f"{MODEL}-20261120T1000",
        machines.SCORE: f"{MODEL}-s1-a1",
    }
    for machine, name in started.items():
        machines.start(machine, name, {})
    execution = machines.execution_arn(machines.DEPLOY, f"{MODEL}-r3-v2")
    ledger.take_lease(MODEL, RELEASE, execution, 3, NOW, NOW + timedelta(days=1))
    run = Run(f"{MODEL}-w1-01234567", "d", "b", "data", NOW, "running")
    ledger.put_run(MODEL, run)
    ask(account)
    assert "5 executions that are being stopped" in ask(account, "go on")["left"][MODEL]
    for machine, name in started.items():
        assert machines.status(machines.execution_arn(machine, name)) == "ABORTED"
    assert ask(account, "go on")["done"]
    assert ledger.lease(MODEL, RELEASE).holder == "" and ledger.lease(MODEL, RELEASE).epoch == 3
    assert [(r.outcome, r.ended_at) for r in ledger.runs(MODEL)] == [("stopped", NOW)]


def test_a_pipeline_that_runs_is_stopped_and_goes_later(account):
    served(account)
    pipeline = f"arn:aws:sagemaker:us-east-1:123456789012:pipeline/{MODEL}"
    running = {"PipelineExecutionArn": f"{pipeline}/execution/abc", "StartTime": NOW}
    listed = clients.sagemaker(), "ListPipelineExecutions", 200
    account.answer(
        *listed, PipelineExecutionSummaries=[{**running, "PipelineExecutionStatus": "Executing"}]
    )
    stopped = account.answer(clients.sagemaker(), "StopPipelineExecution", 200)
    ask(account)
    said = ask(account, "go on")["left"][MODEL]
    assert f"pipeline {MODEL}: 1 of its executions are being stopped" in said
    assert [each["PipelineExecutionArn"] for each in stopped] == [f"{pipeline}/execution/abc"]
    account.answer_as_before()
    account.answer(
        *listed, PipelineExecutionSummaries=[{**running, "PipelineExecutionStatus": "Stopped"}]
    )
    assert ask(account, "go on")["done"]
    assert there(account)["pipeline"] == []


def test_an_endpoint_that_moves_is_waited_for_and_keeps_what_it_needs(account):
    served(account)
    endpoint = sagemaker_backends["123456789012"]["us-east-1"].endpoints
    for found in endpoint.values():
        if found.endpoint_name == MODEL:
            found.endpoint_status = "Updating"
    account.answer(
        clients.sagemaker(),
        "DeleteEndpoint",
        400,
        Error={"Code": "ValidationException", "Message": "Cannot update in-progress endpoint"},
    )
    ask(account)
    said = ask(account, "go on")
    assert f"endpoint {MODEL} is Updating: AWS deletes none that moves" in said["left"][MODEL]
    assert (said["given_up"], said["wait_seconds"]) == (False, 15)
    assert len(there(account)["config"]) == 2
    late = ask(account, "go on", time="2026-11-20T11:00:00Z")
    assert (late["given_up"], late["wait_seconds"]) == (False, 120)
    assert ask(account, "go on", time="2026-11-20T10:51:00Z", answer={"RequestId": "r"})["given_up"]
    assert ask(account, "go on", time="2026-11-20T22:01:00Z")["given_up"]
    account.answer_as_before()
    for found in endpoint.values():
        found.endpoint_status = "InService"
    for _ in range(2):
        said = ask(account, "go on")
    assert said["done"] and there(account)["config"] == []


def test_what_dies_half_way_is_gone_on_with(account):
    served(account)
    ask(account)
    account.answer(
        clients.cloudwatch(),
        "DeleteAlarms",
        400,
        Error={"Code": "InternalFailure", "Message": "no"},
    )
    assert "AWS is busy" in ask(account, "go on")["left"][MODEL][0]
    assert there(account)["alarm"]
    account.answer_as_before()
    assert ask(account) == {"models": [MODEL]}  # who asks again joins
    assert [d["go"] for d in removed(account)] == [False]
    assert ask(account, "go on")["left"] == {} or ask(account, "go on")["done"]
    assert removals.under_way() == []


def test_nothing_that_runs_on_brings_it_back(account):
    served(account)
    remove(account)
    assert tick(account) == {}
    assert tick(account, text(NOW + timedelta(days=2))) == {}
    account.drop(account.bring(f"data/{MODEL}/a.csv"))
    event = account.event("sagemaker-model-package-approved")
    assert on_package_changed.handler(event, account.context)["go"] is False
    given = {"model": MODEL, "scheduled_at": "2026-11-20T11:00:00Z"}
    assert plan_monitoring.handler(given, account.context)["go"] is False
    left = there(account)
    assert not any(left.values())
    assert account.executions("deploy") == [] and account.executions("train") == []


def test_a_later_push_installs_it_anew_and_what_was_approved_serves_again(account):
    served(account)
    remove(account)
    assert account.push()["go"] is True
    assert ledger.models() == [MODEL]
    assert there(account)["pipeline"] == [MODEL]
    assert there(account)["schedule"] == [f"everloop-{MODEL}-monitor"]
    tick(account)
    assert account.executions("deploy") == [f"{MODEL}-r1-v2"]
    assert monitoring.watch(MODEL).requested_at == moment(
        "2026-11-20T10:20:00Z"
    )  # it counts from now on


def test_a_push_meanwhile_ends_the_removal_and_stays(account):
    served(account)
    ask(account)
    account.push()
    assert ask(account, "go on")["done"]
    assert there(account)["pipeline"] == [MODEL] and ledger.models() == [MODEL]
    ended = removed(account)[-1]
    assert not ended["go"] and "somebody pushed the model again meanwhile" in ended["reason"]
    assert f"{MODEL}: was removed" not in account.mails()


def without_packages(account):
    """Let AWS delete versions and groups, which moto does not."""
    backend = sagemaker_backends["123456789012"]["us-east-1"]

    def version(params, **_):
        del backend.model_packages[params["ModelPackageName"]]

    def group(params, **_):
        backend.model_package_groups.pop(params["ModelPackageGroupName"], None)

    account.meanwhile(clients.sagemaker(), "DeleteModelPackage", version)
    account.meanwhile(clients.sagemaker(), "DeleteModelPackageGroup", group)
    account.answer(clients.sagemaker(), "DeleteModelPackage", 200)
    account.answer(clients.sagemaker(), "DeleteModelPackageGroup", 200)
    return backend


def test_with_versions_the_registry_goes_too_and_the_name_is_not_used_again(account):
    served(account)
    backend = without_packages(account)
    assert remove(account, with_versions=True)["done"]
    assert backend.model_packages == {} and backend.model_package_groups == {}
    assert removed(account)[-1]["facts"]["removed"]["version"] == 2
    account.mails()
    answer = account.push()
    assert answer["go"] is False
    assert "was removed with its versions by arn:aws:iam::123456789012:user/ana" in answer["reason"]
    assert "such as flight-delays-two" in answer["reason"]
    assert ledger.models() == [] and there(account)["pipeline"] == []


def test_versions_of_what_was_removed_can_go_later(account):
    served(account)
    remove(account)
    backend = without_packages(account)
    assert ask(account, with_versions=True)["models"] == [MODEL]
    assert ask(account, "go on")["done"]
    assert backend.model_packages == {}


def test_all_means_every_model_and_one_that_is_stuck_keeps_none(account):
    account.push("another")
    served(account)
    assert sorted(ask(account, model=None)["models"]) == ["another", MODEL]
    account.answer(
        clients.sagemaker(),
        "DeleteEndpoint",
        400,
        Error={"Code": "ValidationException", "Message": "something that nobody foresaw"},
    )
    said = ask(account, "go on", model=None)
    assert list(said["left"]) == [MODEL] and "nobody foresaw" in said["left"][MODEL][0]
    assert [removal.model for removal in removals.under_way()] == [MODEL]


def test_what_leaves_nothing_but_errors_is_given_up_and_one_error_is_not_enough(account):
    served(account)
    ask(account)

    def go_on(time, stuck_since=None):
        said = ask(account, "go on", time=f"2026-11-20T{time}Z", stuck_since=stuck_since)
        return said["given_up"], said["stuck_since"]

    error = {"Code": "ValidationException", "Message": "something that nobody foresaw"}
    account.answer(clients.sagemaker(), "DeleteEndpoint", 400, Error=error)
    # However old a removal is, as an endpoint that moves makes it: its first error ends it not.
    given_up, since = go_on("14:00:00")
    assert (given_up, since) == (False, "2026-11-20T14:00:00.000Z")
    assert go_on("14:29:00", since) == (False, since)
    assert go_on("14:30:00", since) == (True, since)
    account.answer_as_before()
    assert go_on("14:30:00", since) == (False, None)  # what was stuck moves, and that is forgotten


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"step": "later"}, "'begin' or 'go on' belongs there"),
        ({"reason": "  "}, "reason: empty"),
        ({"model": 7}, "model: 7"),
    ],
)
def test_a_request_that_is_wrong_is_refused(account, values, says):
    account.push()
    with pytest.raises(BadInput, match=says):
        ask(account, **values)
    assert ledger.models() == [MODEL]


# The end of the stack


@pytest.fixture
def told(account, monkeypatch):
    """Take the answers that CloudFormation would."""
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    taken = []

    class Answers(BaseHTTPRequestHandler):
        def do_PUT(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.append((self.headers["Content-Type"], body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Answers)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/answer", taken
    server.shutdown()
    server.server_close()


def stack_event(account, url, status="DELETE_IN_PROGRESS", **values):
    account.answer(
        clients.cloudformation(),
        "DescribeStacks",
        200,
        Stacks=[{"StackName": "everloop", "CreationTime": NOW, "StackStatus": status}],
    )
    event = {**account.request("cloudformation-delete", **values), "ResponseURL": url}
    return on_stack_changed.handler(event, account.context)


def answers(taken):
    import json

    return [json.loads(body) for _, body in taken]


@pytest.mark.parametrize(
    ("values", "status", "why"),
    [
        ({"RequestType": "Create"}, "CREATE_IN_PROGRESS", "nothing is to be done"),
        ({"RequestType": "Update"}, "UPDATE_IN_PROGRESS", "nothing is to be done"),
        (
            {"ResourceProperties": {"OnDelete": "keep"}},
            "DELETE_IN_PROGRESS",
            "OnDelete is keep: what serves goes on serving",
        ),
        ({}, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "and not deleted: its models stay"),
        ({}, "ROLLBACK_IN_PROGRESS", "and not deleted: its models stay"),
    ],
)
def test_models_stay_but_where_the_stack_itself_is_deleted(account, told, values, status, why):
    url, taken = told
    served(account)
    assert stack_event(account, url, status, **values)["answered"] == "SUCCESS"
    (answer,) = answers(taken)
    assert why in answer["Reason"] and answer["Status"] == "SUCCESS"
    assert answer["PhysicalResourceId"] == "everloop-ModelsOfStack"
    assert answer["RequestId"] == "7f0b1b1e-7ad4-4f1a-9f0e-2c2b8a1f0d11"
    assert taken[0][0] == ""  # its address is signed for none
    assert account.executions("remove") == []


def test_the_stacks_end_removes_its_models_and_is_answered_by_the_machine(account, told):
    url, taken = told
    served(account)
    for _ in range(2):  # Lambda delivers at least once
        assert stack_event(account, url) == {"answered": "later"}
    assert account.executions("remove") == ["7f0b1b1e-7ad4-4f1a-9f0e-2c2b8a1f0d11"]
    assert taken == []
    request = {**account.request("cloudformation-delete"), "ResponseURL": url}
    ended = {"answer": request, "ok": False, "reason": "1 models are not gone: x: " + "y" * 5000}
    assert on_stack_changed.handler(ended, account.context)["answered"] == "FAILED"
    (answer,) = answers(taken)
    assert answer["Status"] == "FAILED" and answer["Reason"].startswith("1 models are not gone")
    assert len(taken[0][1]) < 4096


def test_whatever_goes_wrong_is_answered(account, told):
    url, taken = told
    account.answer(
        clients.cloudformation(),
        "DescribeStacks",
        400,
        Error={"Code": "AccessDenied", "Message": "no"},
    )
    event = {**account.request("cloudformation-delete"), "ResponseURL": url}
    assert on_stack_changed.handler(event, account.context)["answered"] == "FAILED"
    assert "AccessDenied" in answers(taken)[0]["Reason"]
    with pytest.raises(BadInput, match="ResponseURL: missing"):
        on_stack_changed.handler({"RequestType": "Delete"}, account.context)


def test_who_hears_of_it_is_as_the_model_had_it(account):
    account.push(data=account.bundle(SPEC + '[notify]\noff = ["model-removed"]\n'))
    account.mails()
    assert remove(account)["done"]
    assert account.mails() == []
