"""[privacy] of model.toml: what does not fit the rest is refused at push, by its key."""

import pytest

from everloop.errors import BadInput
from everloop.spec import personal, policy
from everloop.spec.model_spec import load_spec

START = """
problem = "binary_classification"
[data]
target = "y"
key = "id"
timestamp = "at"
{data}
{more}
[privacy]
{rules}
"""


def spec(rules, more="", data=""):
    return load_spec(START.format(rules=rules, more=more, data=data), name="loans")


@pytest.mark.parametrize(
    ("rules", "more", "said"),
    [
        ("", "", "privacy names nothing"),
        ("key_is_personal = false", "", "privacy names nothing"),
        ('personal = ["name", "name"]', "", "'name' is there twice"),
        ('personal = ["id"]', "", "write key_is_personal = true instead"),
        ('personal = ["y"]', "", "which is the target"),
        ('personal = ["at"]', "", "tokens have no order"),
        ('personal = ["name"]\ninstead = "hash"', "", "privacy.instead"),
        ('personal = ["name"]', '[evaluate]\nslices = ["name"]', "evaluate.slices names 'name'"),
        ("key_is_personal = true", '[fairness]\ngroups = ["id"]', "fairness.groups names 'id'"),
        (
            'personal = ["age"]',
            "[monitor.data.columns]\nage = { threshold = 0.2 }",
            "monitor.data.columns names 'age'",
        ),
        ('personal = ["name"]', '[train]\nalgorithm = "xgboost"', "set capture_percent = 0"),
        (
            'personal = ["name"]',
            '[deploy]\nimage = "123456789012.dkr.ecr.us-east-1.amazonaws.com/own:1"',
            "set capture_percent = 0",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_its_key(rules, more, said):
    with pytest.raises(BadInput) as refused:
        spec(rules, more)
    assert said in str(refused.value)


def test_a_column_that_data_lacks_is_refused_with_the_one_that_is_near():
    columns = '[data.columns]\nid = "text"\ny = "number"\nat = "text"\nname = "text"'
    with pytest.raises(BadInput, match="did you mean 'name'"):
        spec('personal = ["nane"]', data=columns)


def test_without_a_key_none_can_be_personal():
    with pytest.raises(BadInput, match=r"data.key is not given"):
        load_spec(
            'problem = "regression"\n[data]\ntarget = "y"\n[privacy]\nkey_is_personal = true\n',
            name="loans",
        )


def test_a_bundle_has_what_masks_captured_requests():
    hidden = spec('personal = ["name"]\nkey_is_personal = true')
    assert personal.SERVING in hidden.scripts
    assert policy.document(hidden)["privacy"]["hidden"] == ["id", "name"]
    own = '[train]\nalgorithm = "xgboost"\nhyperparameters = { num_round = 5 }'
    own += "\n[deploy]\ncapture_percent = 0"
    assert personal.SERVING not in spec('personal = ["name"]', own).scripts
