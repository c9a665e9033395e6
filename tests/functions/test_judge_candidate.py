"""The verdict is set in the registry, or a person is asked with the numbers and the command."""

import pytest

import judge_candidate
import plan_comparison
from everloop.aws import clients, ledger
from everloop.chain import verify


def judge(account, arn, **values):
    request = account.request("machine-judge-candidate", package_arn=arn, **values)
    return judge_candidate.handler(request, account.context)


def comparison(account, low):
    uri = f"s3://{account.artefacts}/comparisons/flight-delays/v2/comparison.json"
    gain = {"value": 0.02, "low": low, "high": 0.03, "confidence": 0.95}
    sides = {"candidate": {"value": 0.73}, "champion": {"value": 0.71}}
    account.put_json(uri, {"metric": "auc", "rows": 9, **sides, "gain": gain, "slices": []})
    return uri


def test_policy_approves_a_first_version_that_meets_its_bars(account):
    account.push()
    arn = account.register()
    answer = judge(account, arn, champion=None, comparison_uri=None)
    assert answer["verdict"] == "approved"
    assert account.approval(arn) == "Approved"
    decision = account.decisions()[-1]
    assert decision["facts"]["bars"] == {"auc": {"value": 0.71, "bar": 0.6}}
    assert verify(account.decisions()) == []


def test_a_candidate_that_surely_gains_nothing_is_rejected(account):
    account.push()
    arn = account.register()
    judge(account, arn, comparison_uri=comparison(account, low=0.0))
    assert account.approval(arn) == "Rejected"


def test_a_candidate_that_surely_gains_is_approved(account):
    account.push()
    arn = account.register()
    judge(account, arn, comparison_uri=comparison(account, low=0.01))
    assert account.approval(arn) == "Approved"
    assert account.mails() == ["flight-delays v1: was approved by policy"]


def test_a_candidate_that_may_lose_is_rejected_and_people_hear_of_it(account):
    account.push()
    arn = account.register()
    judge(account, arn, comparison_uri=comparison(account, low=-0.01))
    assert account.approval(arn) == "Rejected"
    assert account.mails() == ["flight-delays v1: was rejected by policy"]


def test_a_person_is_asked_and_the_package_stays_pending(account):
    spec = 'problem = "binary_classification"\n[data]\ntarget = "late"\n'
    account.push(data=account.bundle(spec))
    arn = account.register()
    answer = judge(account, arn, champion=None, comparison_uri=None)
    assert answer["verdict"] == "ask"
    assert account.approval(arn) == "PendingManualApproval"
    assert account.mails() == ["flight-delays v1: waits for your approval"]


def test_what_a_person_set_meanwhile_stays(account):
    account.push()
    arn = account.register(approval="Rejected")
    assert judge(account, arn, comparison_uri=None)["verdict"] == "settled"
    assert account.approval(arn) == "Rejected"


@pytest.mark.parametrize("low", [0.01, -0.01], ids=["better", "worse"])
def test_what_a_person_says_while_it_is_judged_stays(account, low):
    account.push()
    arn = account.register()

    def speak(**_):
        account.answer_as_before()
        status = {"ModelApprovalStatus": "Rejected" if low > 0 else "Approved"}
        account.client("sagemaker").update_model_package(ModelPackageArn=arn, **status)

    account.meanwhile(clients.sns(), "Publish", speak)  # people hear of the verdict, and answer
    answer = judge(account, arn, comparison_uri=comparison(account, low=low))
    assert answer["verdict"] == "settled"
    assert account.approval(arn) == ("Rejected" if low > 0 else "Approved")


def test_a_comparison_that_failed_judges_nothing_and_tells_a_person(account):
    account.push()
    arn = account.register()
    error = {"Error": "States.TaskFailed", "Cause": "the job failed"}
    answer = judge(account, arn, error=error)
    assert answer["verdict"] == "unjudged"
    assert account.approval(arn) == "PendingManualApproval"
    assert account.mails() == ["flight-delays: a candidate could not be judged"]


def plan(account, arn):
    request = account.request("machine-plan-comparison", package_arn=arn)
    return plan_comparison.handler(request, account.context)


def test_without_a_champion_nothing_is_compared(account):
    account.push()
    assert plan(account, account.register())["compare"] is False


def test_the_champion_is_what_serves_now(account):
    account.push()
    account.register(approval="Approved")
    candidate = account.register(2)
    account.serve(1)
    found = plan(account, candidate)
    inputs = {i["InputName"]: i["S3Input"]["S3Uri"] for i in found["job"]["inputs"]}
    assert (found["compare"], found["champion"]) == (True, 1)
    assert inputs["candidate"] == ledger.seal("flight-delays", 2).model_uri
    assert inputs["champion"] == ledger.seal("flight-delays", 1).model_uri
    assert inputs["holdout"].endswith("/runs/flight-delays/r2/holdout/data.csv")
    assert inputs["code"].endswith("/")
    assert found["comparison_uri"].endswith("/comparisons/flight-delays/v2/comparison.json")
    # The job is what CreateProcessingJob takes.
    job = found["job"]
    account.client("sagemaker").create_processing_job(
        ProcessingJobName=f"{job['name']}-0",
        RoleArn=job["role_arn"],
        AppSpecification=job["app"],
        Environment=job["environment"],
        ProcessingInputs=job["inputs"],
        ProcessingOutputConfig=job["outputs"],
        ProcessingResources=job["resources"],
        StoppingCondition=job["stopping"],
        Tags=job["tags"],
    )
