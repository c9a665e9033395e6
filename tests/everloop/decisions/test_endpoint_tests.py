"""Golden rows: the holdout joined with its offline scores, or the line that does not fit."""

import pytest

from everloop.decisions.endpoint_tests import Answer, golden_rows, image, predicts_golden
from everloop.decisions.releases import Serving
from everloop.errors import BadInput

HOLDOUT = b"id,hour,late\n1,8,0\n2,9,1\n3,10,0\n"
SCORES = b"row,key,target,score\n0,1,0,0.2\n2,3,0,0.4\n"


def test_rows_are_joined_by_their_position() -> None:
    golden = golden_rows(HOLDOUT, SCORES, without=("id", "late"), most=9)
    assert golden.body() == b"hour\n8\n10\n"
    assert [each.numbers for each in golden.answers] == [(0.2,), (0.4,)]


def test_a_cell_may_be_as_long_as_training_takes_it() -> None:
    golden = golden_rows(b"a\n" + b"x" * 200_000 + b"\n", SCORES, without=(), most=9)
    assert golden.rows == (("x" * 200_000,),)


def test_a_row_that_was_cut_inside_quotes_is_left_out() -> None:
    holdout = b'id,said\n1,"fine\nday"\n2,ok\n3,"rain\nand '
    golden = golden_rows(holdout, SCORES, without=("id",), most=9)
    assert golden.rows == (("fine\nday",),)
    assert [each.numbers for each in golden.answers] == [(0.2,)]


@pytest.mark.parametrize(
    ("holdout", "scores", "said"),
    [
        pytest.param(HOLDOUT, b"row,score\nx,0.2\n", "line 1 is", id="a row that is no number"),
        pytest.param(HOLDOUT, b"row,score\n0,high\n", "line 1 is", id="a score that is none"),
        pytest.param(HOLDOUT, b"score,row\n0.2\n", "line 1 is", id="a line cut off"),
        pytest.param(b"a,b\n1\n", b"row,score\n0,1\n", "line 1 is", id="a short row"),
        pytest.param(HOLDOUT, b"row,score\n-3,0.2\n", "no row of it", id="before the first"),
        pytest.param(HOLDOUT, b'row,score\n"0\r,1\n', "predictions.csv", id="no CSV"),
        pytest.param(HOLDOUT, b"row\n0\n", "no column 'score'", id="no score"),
        pytest.param(b"a\n", SCORES, "no rows in it", id="an empty holdout"),
    ],
)
def test_what_does_not_fit_together_is_said(holdout: bytes, scores: bytes, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        golden_rows(holdout, scores, without=("id",), most=9)


CLASSES = b"row,key,target,label,score:cat,score:dog\n0,1,cat,cat,0.75,0.25\n2,3,dog,dog,0.5,0.5\n"
LABELS = b"row,key,target,label\n0,1,cat,cat\n2,3,dog,dog\n"
NUMBERED = b"row,key,target,label,score:1,score:2\n0,1,1,1.0,0.75,0.25\n2,3,2,2.0,0.5,0.5\n"


@pytest.mark.parametrize(
    ("offline", "answered", "passed"),
    [
        pytest.param(SCORES, "0.2\n0.4\n", True, id="a number"),
        pytest.param(SCORES, "0.2\n0.41\n", False, id="another number"),
        pytest.param(CLASSES, "0.75,0.25\n0.5,0.5\n", True, id="probabilities"),
        pytest.param(CLASSES, "0.75,0.25\n0.5,0.51\n", False, id="another probability"),
        pytest.param(CLASSES, "0.75,0.25\n0.5,nan\n", False, id="a probability that is none"),
        pytest.param(CLASSES, "0.75,0.25\n0.5\n", False, id="a vector too short"),
        pytest.param(CLASSES, "cat,0.75,0.25\ndog,0.5,0.5\n", True, id="label and probabilities"),
        pytest.param(CLASSES, "cat,0.75,0.25\ncat,0.5,0.5\n", False, id="another label"),
        pytest.param(CLASSES, "dog,cat\n0.25,0.75\n0.5,0.5\n", True, id="a header in its order"),
        pytest.param(CLASSES, "dog,cat\n0.75,0.25\n0.5,0.5\n", False, id="the header forgotten"),
        pytest.param(b"row,key,loss\n0,1,0.5\n", "a poem", True, id="losses alone"),
        pytest.param(LABELS, "cat\ndog\n", True, id="labels"),
        pytest.param(LABELS, "cat\ncat\n", False, id="a wrong label"),
        pytest.param(NUMBERED, "1,0.75,0.25\n2,0.5,0.5\n", True, id="classes that are numbers"),
        pytest.param(NUMBERED, "2,0.75,0.25\n2,0.5,0.5\n", False, id="another such"),
    ],
)
def test_an_answer_is_compared_number_by_number_and_label_by_label(
    offline: bytes, answered: str, passed: bool
) -> None:
    golden = golden_rows(HOLDOUT, offline, without=("id", "late"), most=9)
    assert predicts_golden(Answer(200, answered, 1.0), golden, 1e-6).passed is passed


def test_a_tested_image_is_kept_by_its_digest_or_said_to_be_a_tag_only() -> None:
    def told(named: str) -> dict[str, str]:
        return image(Serving("m-staging", "InService", "m-v1-staging-0", 1, image=named))

    sealed = f"123.dkr.ecr.us-east-1.amazonaws.com/a@sha256:{'0' * 64}"
    assert told(sealed) == {"image": sealed, "image_digest": f"sha256:{'0' * 64}"}
    assert told("123.dkr.ecr.us-east-1.amazonaws.com/a:1")["image_digest"] == "tag only"
    assert told("") == image(None) == {}


def test_a_forecast_is_sent_what_is_known_ahead_with_its_name() -> None:
    golden = golden_rows(HOLDOUT, SCORES, without=(), most=9, only=("hour",))
    assert golden.body().startswith(b"hour\n") and not golden.bare


def test_a_built_in_algorithm_is_sent_numbers_alone_and_answers_all_rows_in_one_line() -> None:
    golden = golden_rows(HOLDOUT, SCORES, without=(), most=9, only=("hour",), bare=True)
    assert golden.bare and golden.header == ("hour",)
    assert b"hour" not in golden.body()
    one_line = ",".join(str(scored.numbers[0]) for scored in golden.answers)
    assert predicts_golden(Answer(200, one_line, 1), golden, 1e-9).passed
    assert not predicts_golden(Answer(200, f"{one_line},0.5", 1), golden, 1e-9).passed
    with pytest.raises(BadInput, match="no column 'wind', which the model was trained on"):
        golden_rows(HOLDOUT, SCORES, without=(), most=9, only=("wind",))
