"""Golden rows: the holdout joined with its offline scores, or the line that does not fit."""

import pytest

from everloop.decisions.endpoint_tests import golden_rows
from everloop.errors import BadInput

HOLDOUT = b"id,hour,late\n1,8,0\n2,9,1\n3,10,0\n"
SCORES = b"row,key,target,score\n0,1,0,0.2\n2,3,0,0.4\n"


def test_rows_are_joined_by_their_position() -> None:
    golden = golden_rows(HOLDOUT, SCORES, without=("id", "late"), most=9)
    assert golden.body() == b"hour\n8\n10\n"
    assert golden.scores == (0.2, 0.4)


def test_a_cell_may_be_as_long_as_training_takes_it() -> None:
    golden = golden_rows(b"a\n" + b"x" * 200_000 + b"\n", SCORES, without=(), most=9)
    assert golden.rows == (("x" * 200_000,),)


def test_a_row_that_was_cut_inside_quotes_is_left_out() -> None:
    holdout = b'id,said\n1,"fine\nday"\n2,ok\n3,"rain\nand '
    golden = golden_rows(holdout, SCORES, without=("id",), most=9)
    assert golden.rows == (("fine\nday",),)
    assert golden.scores == (0.2,)


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
