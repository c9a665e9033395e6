"""[features] of a spec: what is taken, and what is wrong with the rest, in words."""

import pytest

from everloop.errors import BadInput
from everloop.pipelines import feature_groups
from everloop.pipelines.feature_groups import Place
from everloop.spec import policy
from everloop.spec.model_spec import load_spec

MODEL = """
problem = "regression"
[data]
target = "price"
key = "id"
timestamp = "at"
[data.tables.customers]
prefix = "customers/"
keys = ["customer"]
[features.customers]
table = "customers"
id = "customer"
event_time = "seen"
columns = { orders = "integer", spent = "number", segment = "text" }
"""


def test_a_table_of_the_models_has_a_group_of_its_own() -> None:
    spec = load_spec(MODEL, name="churn")

    assert spec.features["customers"].group == "everloop-churn-customers"
    assert spec.scripts == ("preprocess.py", "train.py", "inference.py", "everloop_features.py")
    assert policy.document(spec)["features"]["customers"]["online"] is True


def test_a_table_of_records_needs_no_script_that_joins_it() -> None:
    split = MODEL.replace('"at"', '"at"\nsplit = { by = "key" }', 1)

    assert "preprocess.py" not in load_spec(split, name="churn").scripts


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('table = "customers"', "", "features.customers has neither table nor group"),
        (
            'table = "customers"',
            'table = "customer"',
            "features.customers.table is 'customer', which data.tables lacks; "
            "did you mean 'customers'",
        ),
        (
            'table = "customers"',
            'table = "customers"\ngroup = "everloop-sales-customers"',
            "features.customers.group is 'everloop-sales-customers', which is another's",
        ),
        ('timestamp = "at"', "", "features.customers.as_of and data.timestamp are not given"),
        ("customers]\ntable", "Customers]\ntable", "features.Customers is no name for features"),
        (
            "spent =",
            "write_time =",
            "features.customers.columns.write_time",
        ),
        ("spent =", "price =", "features.customers.columns has 'price', which a row of the data"),
        ("spent =", "seen =", "features.customers.columns has 'seen', which is its event_time"),
        ('"integer"', '"date"', "features.customers.columns.orders is 'date'"),
        ('keys = ["customer"]', 'keys = ["c"]', "features.customers.id is 'customer', which data."),
        (
            'event_time = "seen"',
            'event_time = "seen"\ngroup = "a b"',
            "features.customers.group is 'a b'; a feature group's name has letters",
        ),
        (
            'event_time = "seen"',
            'event_time = "seen"\nmax_age = "soon"',
            "features.customers.max_age is 'soon'; write hours or days",
        ),
        (
            "[features",
            '[train]\nalgorithm = "xgboost"\n[features',
            "features.customers.online is true and train.algorithm is given",
        ),
        ('"seen"', '"customer"', "features.customers.event_time is 'customer', which is also its"),
        ("columns = {", "on = 'price'\ncolumns = {", "features.customers.on is 'price', which is"),
    ],
)
def test_each_mistake_is_named_with_its_key(old: str, new: str, said: str) -> None:
    with pytest.raises(BadInput) as wrong:
        load_spec(MODEL.replace(old, new, 1), name="churn")

    assert said in str(wrong.value)


def test_two_groups_with_a_column_of_one_name_are_refused() -> None:
    other = '[features.shops]\ngroup = "shops"\nid = "shop"\nevent_time = "t"\n'
    more = other + 'columns = { spent = "number" }\n'

    with pytest.raises(BadInput, match=r"features.shops.columns has 'spent', which features.cust"):
        load_spec(MODEL + more, name="churn")


def test_what_is_made_is_what_the_model_says_and_fits_it() -> None:
    section = policy.document(load_spec(MODEL, name="churn"))["features"]["customers"]
    place = Place("artefacts", "arn:aws:iam::123456789012:role/r", "arn:aws:kms:::key/k")

    request = feature_groups.creation("churn", section, place)

    assert request["OfflineStoreConfig"] == {
        "S3StorageConfig": {"S3Uri": "s3://artefacts/features", "KmsKeyId": place.kms_key},
        "DisableGlueTableCreation": True,
    }
    assert request["OnlineStoreConfig"]["SecurityConfig"] == {"KmsKeyId": place.kms_key}
    described = {**request, "FeatureGroupStatus": "Created"}
    assert feature_groups.problem_of(described, section) == ""
    assert feature_groups.additions(described, section) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"FeatureGroupStatus": "CreateFailed", "FailureReason": "no bucket"},
            "is CreateFailed: n",
        ),
        ({"RecordIdentifierFeatureName": "c"}, "write id = 'c'"),
        ({"EventTimeFeatureName": "t"}, "write event_time = 't'"),
        ({"OfflineStoreConfig": None}, "has no offline store"),
        ({"OfflineStoreConfig": {"TableFormat": "Iceberg"}}, "of format Iceberg"),
        ({"OnlineStoreConfig": None}, "has no online store to look features up in"),
        (
            {"FeatureDefinitions": [{"FeatureName": "orders", "FeatureType": "String"}]},
            "has 'orders' as String, and SageMaker changes no type; write orders = 'text'",
        ),
        (
            {
                "FeatureDefinitions": [
                    {"FeatureName": "spent", "FeatureType": "Fractional", "CollectionType": "List"}
                ]
            },
            "has a List as 'spent'",
        ),
    ],
)
def test_a_group_that_does_not_fit_is_named(change: dict[str, object], said: str) -> None:
    section = policy.document(load_spec(MODEL, name="churn"))["features"]["customers"]
    request = feature_groups.creation("churn", section, Place("b", "r", None))

    told = feature_groups.problem_of(
        {**request, "FeatureGroupStatus": "Created", **change}, section
    )

    assert said in told


def test_what_a_group_of_somebody_elses_lacks_is_named_with_what_there_is() -> None:
    section = policy.document(load_spec(MODEL, name="churn"))["features"]["customers"]
    there = {"FeatureDefinitions": [{"FeatureName": "orders", "FeatureType": "Integral"}]}

    assert feature_groups.lacking(there, section) == "has no feature 'spent'; it has orders"
