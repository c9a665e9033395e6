"""Reports that jobs leave in S3: nothing is approved that they do not show.

A model writes some of them itself; a judgement or a monitor ends with a decision or a refusal.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from functions.conftest import new_clients, opened
from fuzz.events import MODEL, sample
from fuzz.hostile import TEXTS, mutated
from fuzz.target import Check, Target
from hypothesis import strategies as st

import judge_candidate
import judge_findings
from everloop.chain import verify
from everloop.decisions.endpoint_tests import golden_rows
from everloop.errors import BadInput, EverloopError

_SIDE = {"value": 0.73, "low": 0.7, "high": 0.75}
_EVALUATION = {
    "version": 1,
    "problem": "binary_classification",
    "rows": 900,
    "metrics": {"auc": _SIDE, "log_loss": {"value": 0.4}},
    "slices": [{"column": "carrier", "value": "UA", "rows": 300, "metrics": {"auc": _SIDE}}],
}
_COMPARISON = {
    "version": 1,
    "metric": "auc",
    "rows": 900,
    "candidate": _SIDE,
    "champion": {"value": 0.71, "low": 0.7, "high": 0.72},
    "gain": {"value": 0.02, "low": 0.01, "high": 0.03, "confidence": 0.95, "resamples": 1000},
    "slices": [
        {"column": "carrier", "value": "UA", "rows": 300, "gain": {"value": -0.01}},
        {"column": "carrier", "value": "DL", "rows": 300, "gain": {"value": 0.01}},
    ],
}
_CHECK = {"monitor": "data", "feature": "hour", "statistic": "psi", "value": 0.3, "threshold": 0.1}
_FINDINGS = {
    "version": 1,
    "model": MODEL,
    "rows": 900,
    "labelled_rows": 100,
    "checks": [{**_CHECK, "violated": True}, {**_CHECK, "value": 0.01, "violated": False}],
}
_BAR = 0.6  # of the spec that the tests push


@contextmanager
def _judged(folder: Path) -> Iterator[Check]:
    with new_clients(), opened(folder) as account:
        account.push()
        arn = account.register()
        where = f"s3://{account.artefacts}/runs/{MODEL}/r1/evaluation/evaluation.json"
        beside = f"s3://{account.artefacts}/comparisons/{MODEL}/v1/comparison.json"
        number = 0

        def check(case: tuple[Any, Any]) -> None:
            nonlocal number
            number += 1
            evaluation, comparison = case
            account.put_json(where, evaluation)
            account.put_json(beside, comparison)
            account.client("sagemaker").update_model_package(
                ModelPackageArn=arn, ModelApprovalStatus="PendingManualApproval"
            )
            request = sample("machine-judge-candidate")
            request.update(package_arn=arn, champion=2, comparison_uri=beside, error=None)
            request["execution"] = f"{request['execution']}-{number}"
            try:
                judge_candidate.handler(request, account.context)
            except EverloopError as refused:
                assert str(refused).strip()
            approved = account.approval(arn) == "Approved"
            assert not approved or _shows_it(evaluation, comparison), "approved without a reason"
            if number % 50 == 0:
                assert verify(account.decisions()) == [], "the chain does not hold"

        yield check


def _shows_it(evaluation: Any, comparison: Any) -> bool:
    metric = evaluation["metrics"]["auc"]
    value = metric["value"] if isinstance(metric, dict) else metric
    return bool(value >= _BAR and comparison["gain"]["low"] > 0 and comparison["metric"] == "auc")


@contextmanager
def _found(folder: Path) -> Iterator[Check]:
    with new_clients(), opened(folder) as account:
        account.push()
        number = 0

        def check(findings: Any) -> None:
            nonlocal number
            number += 1
            request = sample("machine-judge-findings")
            request["execution"] = f"{request['execution']}-{number}"
            account.put_json(request["findings_uri"], findings)
            try:
                judge_findings.handler(request, account.context)
            except EverloopError as refused:
                assert str(refused).strip()
            if number % 50 == 0:
                assert verify(account.decisions()) == [], "the chain does not hold"

        yield check


_CELLS = st.one_of(TEXTS, st.floats().map(repr), st.integers(-3, 5).map(str))
_LINES = st.lists(st.lists(_CELLS, max_size=5).map(",".join), max_size=5)
_HEADS = st.sampled_from(["row,key,target,score", "score,row", "row", "", "row,score", "\x00"])


@contextmanager
def _golden(folder: Path) -> Iterator[Check]:
    def check(case: tuple[list[str], str, list[str]]) -> None:
        holdout, head, predictions = case
        first, second = "\n".join(holdout), "\n".join([head, *predictions])
        try:
            golden = golden_rows(
                first.encode("utf-8", "replace"),
                second.encode("utf-8", "replace"),
                without=("id",),
                most=3,
            )
        except BadInput as refused:
            assert str(refused).strip()
            return
        assert len(golden.rows) == len(golden.answers) <= 3
        golden.body()

    yield check


TARGETS = [
    Target(
        "judged reports",
        st.tuples(mutated(st.just(_EVALUATION)), mutated(st.just(_COMPARISON))),
        _judged,
        share=6,
    ),
    Target("findings", mutated(st.just(_FINDINGS)), _found, share=6),
    Target("golden rows", st.tuples(_LINES, _HEADS, _LINES), _golden, share=15),
]
