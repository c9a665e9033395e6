"""Each sample of events/ is read into a fact; what lacks a field is refused by its name."""

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everloop import facts
from everloop.errors import BadInput

EVENTS = Path(__file__).parents[2] / "events"
READERS = {
    "s3-object-created": facts.object_created,
    "sagemaker-model-package": facts.package_changed,
    "sagemaker-pipeline-execution": facts.run_or_endpoint_changed,
    "sagemaker-reproduction": facts.reproduction_ended,
    "sagemaker-endpoint": facts.run_or_endpoint_changed,
    "cloudwatch-alarm": facts.sign_of_trouble,
    "sagemaker-processing-job": facts.sign_of_trouble,
    "everloop-violation": facts.sign_of_trouble,
}
HOME = facts.Home("123456789012", "us-east-1")
SAMPLES = [
    pytest.param(json.loads(path.read_text()), reader, id=path.stem)
    for path in sorted(EVENTS.glob("*.json"))
    for prefix, reader in READERS.items()
    if path.stem.startswith(prefix)
]


@pytest.mark.parametrize(("event", "reader"), SAMPLES)
def test_each_sample_is_read_and_unknown_fields_are_ignored(event, reader):
    fact = reader(event, HOME)
    assert fact.time.isoformat().startswith("2026-11-20T")
    grown = copy.deepcopy(event)
    grown["replay-name"], grown["detail"]["new-field"] = "r", {"x": 1}
    assert reader(grown, HOME) == fact


@pytest.mark.parametrize(("event", "reader"), SAMPLES)
@pytest.mark.parametrize(
    "missing", ["detail", "time", "version", "detail-type", "source", "account", "region"]
)
def test_an_envelope_that_lacks_a_field_is_refused_by_its_name(event, reader, missing):
    with pytest.raises(BadInput, match=missing):
        reader({key: value for key, value in event.items() if key != missing}, HOME)


@given(
    st.dictionaries(
        st.sampled_from(["version", "detail-type", "time", "detail", "source"]),
        st.sampled_from(["0", "Object Created", "2026-11-20T10:15:30Z", {}, [], None, 1, True]),
    )
)
def test_no_event_however_odd_ends_otherwise_than_in_a_fact_or_bad_input(event):
    for reader in set(READERS.values()):
        with pytest.raises(BadInput):
            reader(event, HOME)


@pytest.mark.parametrize(
    ("updated", "concerns"),
    [((), True), (("ModelApprovalStatus",), True), (("CustomerMetadataProperties",), False)],
)
def test_a_stamp_does_not_concern_the_approval(updated, concerns):
    fact = facts.PackageChanged("m", 1, "arn", updated, facts.moment("2026-11-20T10:00:00Z"))
    assert fact.concerns_approval is concerns


@pytest.mark.parametrize("name", ["", "a_b", "-a", "a--b", "a/b", "ü", "a" * 33])
def test_what_can_be_no_models_name_is_refused(name):
    with pytest.raises(BadInput, match=r"detail\.object\.key: .* is no model's name"):
        facts.model_name(name, "detail.object.key")
