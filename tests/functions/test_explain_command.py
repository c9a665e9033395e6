"""`everloop explain` asks the endpoint why, and says what each column added."""

import csv
import io
import json

import pytest
from botocore.awsrequest import AWSResponse
from botocore.response import StreamingBody
from functions.conftest import SPEC
from functions.test_commands import MODEL

import plan_comparison
from everloop.aws import clients
from everloop.aws.endpoints import EXPLAINS_ACCEPT
from everloop.bundle import pack
from everloop_cli.door import open_stack
from everloop_cli.lookup import with_lookup
from everloop_cli.main import main

STATISTICS = {
    "features": [
        {
            "name": "age",
            "inferred_type": "Integral",
            "numerical_statistics": {
                "distribution": {"kll": {"sketch": {"data": [[20.0, 40.0, 60.0]]}}}
            },
        },
        {
            "name": "income",
            "inferred_type": "Fractional",
            "numerical_statistics": {
                "distribution": {"kll": {"sketch": {"data": [[1.0, 2.5, 9.0]]}}}
            },
        },
        {
            "name": "job",
            "inferred_type": "String",
            "string_statistics": {
                "distribution": {
                    "categorical": {
                        "buckets": [{"value": "clerk", "count": 90}, {"value": "x", "count": 9}]
                    }
                }
            },
        },
        {
            "name": "person",
            "inferred_type": "String",
            "string_statistics": {
                "distribution": {"categorical": {"buckets": [{"value": "Ana", "count": 2}]}}
            },
        },
    ]
}
ROW = "id,age,income,job,person,shoe,late\n7,50,2.50,smith,Bo,44,1\n"


class Endpoint:
    """Answers rows as a model would, and keeps what it was asked."""

    def __init__(self, account, answer):
        self.bodies, self.names, self.answer, self.status = [], [], answer, 200
        self.accepts = []
        account._hook(clients.sagemaker_runtime(), "before-call", "InvokeEndpoint", self)

    def __call__(self, params, **_):
        self.bodies.append(params["body"].decode())
        self.names.append(params["headers"].get("X-Amzn-SageMaker-Inference-Id"))
        self.accepts.append(params["headers"].get("Accept"))
        rows = list(csv.DictReader(io.StringIO(self.bodies[-1])))
        body = "".join(f"{self.answer(row)}\n" for row in rows).encode()
        if self.status != 200:
            error = {"Code": "ModelError", "Message": "could not convert 'clerk'"}
            told = {"Error": error, "OriginalStatusCode": 500, "ResponseMetadata": {}}
            return AWSResponse("", 424, {}, None), told
        told = {"Body": StreamingBody(io.BytesIO(body), len(body)), "ResponseMetadata": {}}
        return AWSResponse("", 200, {}, None), told


def score(row):
    return float(row["age"]) / 100 + (0.3 if row["job"] == "smith" else 0) + float(row["shoe"])


@pytest.fixture
def asked(account, tmp_path):
    return served(account, tmp_path)


def served(account, tmp_path, data=None):
    """Let a model serve its first version; return the endpoint that answers for it."""
    account.push(data=data)
    account.describe_stack()
    arn = account.register(approval="Approved")
    uri = f"s3://{account.artefacts}/runs/{MODEL}/r1/baseline/statistics.json"
    account.put_json(uri, STATISTICS)
    planned = account.request("machine-plan-comparison", package_arn=arn)
    plan_comparison.handler(planned, account.context)  # which seals it
    account.serve(1)
    (tmp_path / "row.csv").write_text(ROW)
    open_stack("everloop")  # before the command does, whose clients are these then
    return Endpoint(account, score)


def run(tmp_path, *words):
    return main(["explain", MODEL, str(tmp_path / "row.csv"), *words])


def test_the_parts_of_a_row_sum_to_its_answer(asked, tmp_path, capsys):
    assert run(tmp_path, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    found = {each["column"]: each for each in told["reasons"]}
    assert set(found) == {"age", "job"}, "what is as usual adds nothing"
    assert found["job"] == {
        "column": "job", "value": "smith", "usual": "clerk",
        "part": pytest.approx(0.3), "error": 0.0,
    }  # fmt: skip
    assert found["age"]["part"] == pytest.approx(0.1)
    assert told["answer"] - told["base"] == pytest.approx(0.4)
    assert (told["held"], told["unknown"]) == (["person"], ["shoe"])
    assert (told["version"], told["exact"], told["calls"], told["rows"]) == (1, True, 1, 4)


def test_the_endpoint_gets_what_clients_send_and_knows_that_it_is_no_request(asked, tmp_path):
    run(tmp_path)
    head, *rows = asked.bodies[0].splitlines()
    assert head == "age,income,job,person,shoe"  # neither the key nor the target
    assert "40,2.50,clerk,Bo,44" in rows
    assert "Ana" not in asked.bodies[0], "a word that two have is somebody's"
    assert asked.names == ["everloop-explain"]


def test_a_personal_value_is_compared_with_nothing_and_its_endpoint_told_not_to_capture(
    account, tmp_path, capsys
):
    spec = f'{SPEC}\n[privacy]\npersonal = ["job"]\n'
    asked = served(account, tmp_path, pack_with(account, spec))
    capsys.readouterr()
    assert run(tmp_path, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["column"] for each in told["reasons"]] == ["age"]
    assert told["held"] == ["job", "person"]
    assert asked.accepts == [EXPLAINS_ACCEPT]


def pack_with(account, spec):
    """Pack a folder as a push does, with what masks personal values."""
    account.bundle(spec)
    folder = account.folder / "model"
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    for name, data in with_lookup(files, MODEL).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    return pack(folder)


def test_people_see_bars(asked, tmp_path, capsys):
    run(tmp_path)
    out = capsys.readouterr().out
    assert "version 1 of flight-delays answers 44.8; a usual row gets 44.4" in out
    lines = {line.split()[0]: line for line in out.splitlines() if line.split()}
    assert lines["job"].count("█") == 12
    assert lines["age"].count("█") == 4
    assert "person: have no usual value" in out


def test_of_several_numbers_that_of_the_rows_own_class_is_explained(
    account, asked, tmp_path, capsys
):
    asked.answer = lambda row: "yes,0.1,0.9" if row["job"] == "smith" else "no,0.7,0.3"
    uri = f"s3://{account.artefacts}/runs/{MODEL}/r1/evaluation/predictions.csv"
    account.put(uri, b"row,target,label,score:no,score:yes\n0,1,yes,0.1,0.9\n")
    run(tmp_path, "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["output"], told["answer"], told["base"]) == ("yes", 0.9, 0.3)
    run(tmp_path, "--json", "--output", "no")
    assert json.loads(capsys.readouterr().out)["answer"] == 0.1
    assert run(tmp_path, "--output", "maybe") == 2
    assert "the answer has label, no, yes" in capsys.readouterr().err


def test_a_label_alone_is_explained_by_whether_it_stays(asked, tmp_path, capsys):
    asked.answer = lambda row: "late" if row["job"] == "smith" else "in time"
    run(tmp_path, "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["output"], told["answer"], told["base"]) == ("late", 1.0, 0.0)


def test_a_model_that_cannot_answer_usual_values_says_so(asked, tmp_path, capsys):
    asked.status = 500
    assert run(tmp_path) == 2
    assert "could not convert 'clerk'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ("age,job\n", (), "one row belong into it"),
        ("age,age\n1,2\n", (), "names 'age' twice"),
        ("age,job\n1,2\n3,4\n", (), "say which: --row N"),
        ("age,job\n1,2\n3,4\n", ("--row", "3"), "it has 2 rows"),
        ("age,job\n1\n", (), "has 1 fields, and its header 2"),
        (ROW, ("--version", "2"), "version 2 of 'flight-delays' has no endpoint; version 1"),
    ],
)
def test_what_cannot_be_explained_is_said(asked, tmp_path, capsys, text, words, said):
    (tmp_path / "row.csv").write_text(text)
    assert run(tmp_path, *words) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert asked.bodies == []


def test_without_an_endpoint_nothing_can_be_asked(account, tmp_path, capsys):
    account.push()
    account.describe_stack()
    (tmp_path / "row.csv").write_text(ROW)
    assert run(tmp_path) == 2
    assert "no endpoint of 'flight-delays' serves" in capsys.readouterr().err
