"""`everloop why`: any version's story, and a chain that a stranger can verify without us."""

import hashlib
import json

import finish_release
import judge_candidate
import on_package_changed
import plan_comparison
import reconcile
from everloop.aws import anchors, ledger, table
from everloop.moments import moment
from everloop.records import decision as decisions
from everloop.records.lease import RELEASE
from everloop.records.writes import Delete, Put
from everloop_cli.main import main

MODEL = "flight-delays"
NOW = moment("2026-11-20T10:20:00Z")


def why(account, capsys, *words):
    capsys.readouterr()  # what functions measured
    account.describe_stack()
    code = main(["why", MODEL, *words])
    return code, capsys.readouterr().out


def told(account, capsys, *words):
    code, out = why(account, capsys, *words, "--json")
    return code, json.loads(out)


def judged(account, version=1):
    """Let the judge reject a version, as a person's word on it is told afterwards."""
    arn = account.register(version)
    plan_comparison.handler(
        account.request("machine-plan-comparison", package_arn=arn), account.context
    )
    account.put_json(
        f"s3://{account.artefacts}/runs/{MODEL}/r{version}/evaluation/evaluation.json",
        {"metrics": {"auc": {"value": 0.51, "low": 0.5}}, "rows": 900},
    )
    judge_candidate.handler(
        account.request(
            "machine-judge-candidate", package_arn=arn, champion=None, comparison_uri=None
        ),
        account.context,
    )
    return arn


def say(account, arn, status, **more):
    account.client("sagemaker").update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus=status, **more
    )
    found = account.client("sagemaker").describe_model_package(ModelPackageName=arn)
    event = account.event(
        "sagemaker-model-package-approved",
        ModelPackageArn=arn,
        ModelPackageVersion=int(arn.rpartition("/")[2]),
        UpdatedModelPackageFields=["ModelApprovalStatus"],
        LastModifiedTime=found["LastModifiedTime"].strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    on_package_changed.handler(event, account.context)


def finish(account, arn, version, config):
    request = account.request(
        "machine-finish-release",
        package_arn=arn,
        version=version,
        epoch=version,
        execution=f"arn:aws:states:us-east-1:123456789012:execution:everloop-deploy:r{version}",
        rollout={"started": True, "config": config, "status": "InService"},
    )
    return finish_release.handler(request, account.context)


def test_a_version_that_policy_rejected_has_its_data_its_judgement_and_who_decided(account, capsys):
    account.push()
    judged(account)
    code, found = told(account, capsys, "--version", "1")
    assert code == 0
    assert found["version"]["made_of"]["dataset-digest"] == "data1"
    assert found["version"]["decided_by"]["by"] == "policy"
    decided = found["version"]["decisions"]
    assert [(d["kind"], d["outcome"]) for d in decided] == [("seal", "info"), ("judge", "bad")]


def test_a_person_who_decides_is_named_with_their_words_or_that_there_were_none(account, capsys):
    account.push()
    arn = judged(account)
    say(account, arn, "Approved")
    _, found = told(account, capsys, "--version", "1")
    assert found["version"]["decided_by"]["words"] == "no words given"
    assert "no words given" in why(account, capsys, "--version", "1")[1]


def test_what_it_replaced_and_what_replaced_it(account, capsys):
    account.push()
    first = account.register(approval="Approved")
    config = account.serve(1)
    finish(account, first, 1, config)
    second = account.register(2, approval="Approved")
    sagemaker = account.client("sagemaker")
    sagemaker.delete_endpoint(EndpointName=MODEL)
    finish(account, second, 2, account.serve(2))
    _, found = told(account, capsys, "--version", "1")
    assert [(r["outcome"], r["by"]) for r in found["version"]["service"]] == [
        ("released", None),
        ("replaced", 2),
    ]
    _, found = told(account, capsys)
    assert (found["version"]["version"], found["version"]["service"][0]["replaced"]) == (2, 1)
    assert "version 2" in why(account, capsys)[1]


def test_a_version_whose_package_was_deleted_is_told_by_what_the_ledger_kept(account, capsys):
    account.push()
    arn = judged(account)
    account.unregister(arn)
    _, found = told(account, capsys, "--version", "1")
    assert found["version"]["registered"] is False
    assert found["version"]["made_of"]["dataset-digest"] == "data1"
    assert "its package was deleted" in why(account, capsys, "--version", "1")[1]


def test_a_version_that_nobody_knows_is_named_with_those_there_are(account, capsys):
    account.push()
    account.register()
    account.describe_stack()
    assert main(["why", MODEL, "--version", "7"]) == 2
    assert "has no version 7; it has [1]" in " ".join(capsys.readouterr().err.split())


# The chain


def delete_newest(account):
    newest = account.decisions()[-1]["seq"]
    table.write(Delete(decisions.key(MODEL, newest)))
    return newest


def test_the_newest_decision_deleted_is_found(account, capsys):
    account.push()
    judged(account)
    gone = delete_newest(account)
    code, found = told(account, capsys, "--version", "1")
    assert code == 1
    assert found["chain"]["problems"] == [
        f"decision {gone} at the end are missing: the chain's head names decision {gone}"
    ]


def test_a_head_set_back_with_it_is_found_by_what_was_anchored(account, capsys):
    account.push()
    judged(account)
    assert anchors.anchor(MODEL, NOW)
    delete_newest(account)
    last = account.decisions()[-1]
    table.write(Put(decisions.head_key(MODEL), {"seq": last["seq"], "hash": last["hash"]}))
    code, found = told(account, capsys, "--version", "1")
    assert code == 1
    assert "the anchor of" in found["chain"]["problems"][0]


def test_an_anchor_outlives_a_delete_marker(account, capsys):
    account.push()
    anchors.anchor(MODEL, NOW)
    s3 = account.client("s3")
    (key,) = [each["Key"] for each in s3.list_objects_v2(Bucket=account.anchors)["Contents"]]
    s3.delete_object(Bucket=account.anchors, Key=key)
    assert len(anchors.all_of(MODEL)) == 1


def test_a_head_is_anchored_at_each_release_and_once_a_day(account):
    account.push()
    arn = account.register(approval="Approved")
    finish(account, arn, 1, account.serve(1))

    def count():
        found = account.client("s3").list_objects_v2(Bucket=account.anchors)
        return found["KeyCount"]

    assert count() == 1
    day = "2026-11-20T20:00:00Z", "2026-11-21T12:00:00Z", "2026-11-21T12:05:00Z"
    for time, known in zip(day, (1, 2, 2), strict=True):
        reconcile.handler({"time": time}, account.context)
        assert count() == known


def test_a_release_ends_where_its_head_could_not_be_anchored(account):
    account.push()
    arn = account.register(approval="Approved")
    account.client("s3").delete_bucket(Bucket=account.anchors)
    assert finish(account, arn, 1, account.serve(1))["outcome"] == "released"
    assert ledger.lease(MODEL, RELEASE).holder == ""


def test_a_stranger_verifies_the_chain_with_the_json_and_a_hash_alone(account, capsys):
    account.push()
    judged(account)
    anchors.anchor(MODEL, NOW)
    _, found = told(account, capsys, "--version", "1")
    chain = found["chain"]

    # The recipe of docs/contracts.md, and nothing of ours.
    previous, hashes = "0" * 64, {}
    for number, decision in enumerate(chain["all"], 1):
        rest = {key: value for key, value in decision.items() if key != "hash"}
        text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert decision["seq"] == number
        assert decision["previous"] == previous
        assert decision["hash"] == hashlib.sha256(text.encode()).hexdigest()
        previous = hashes[number] = decision["hash"]
    assert chain["head"] == {"seq": len(hashes), "hash": previous}
    assert len(chain["anchors"]) == 1
    for anchor in chain["anchors"]:
        assert hashes[anchor["seq"]] == anchor["hash"]
