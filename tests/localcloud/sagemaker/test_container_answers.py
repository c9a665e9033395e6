"""A script's handlers are answered for as AWS's container does: by what its own code answered."""

import json
import types
from pathlib import Path

import pytest
from localcloud.sagemaker.container_answers.cases import CASES

from everloop_localcloud.sagemaker.serving.script import ScriptHandlers

ANSWERS = json.loads((Path(__file__).parent / "container_answers" / "answers.json").read_text())


class Context:
    status, kind = 200, ""

    def __init__(self, sent):
        self.sent = sent

    def get_request_properties(self):
        return self.sent

    def set_response_status(self, code):
        self.status = code

    def set_response_content_type(self, index, kind):
        self.kind = kind


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_answer_is_the_containers(case, capsys):
    script = types.ModuleType("inference")
    exec(case.script, vars(script))
    handlers = ScriptHandlers()
    handlers.use(script, "/opt/ml/model")
    sent = {"Content-Type": case.content_type, "Accept": case.accept}
    context = Context({name: value for name, value in sent.items() if value is not None})
    (body,) = handlers.transform([{"body": bytearray(case.body)}], context)
    known = ANSWERS[case.name]
    assert (context.status, context.kind) == (known["status"], known["content_type"])
    if known["body"] is not None:
        told = body.encode() if isinstance(body, str) else body
        assert told.decode("latin-1") == known["body"]
    else:
        assert "Traceback" in capsys.readouterr().err  # as in the container's log


def test_each_case_was_asked_of_the_container():
    assert list(ANSWERS) == [case.name for case in CASES]
