"""[fairness] of model.toml: what does not fit the rest is refused at push, by its key."""

import pytest

from everloop.errors import BadInput
from everloop.spec.model_spec import load_spec

START = """
problem = "{problem}"
[data]
target = "y"
key = "id"
{data}
[evaluate]
slices = ["region"]
[fairness]
{rules}
"""


def lines(rules, problem="binary_classification", data=""):
    with pytest.raises(BadInput) as refused:
        load_spec(START.format(problem=problem, rules=rules, data=data), name="loans")
    return str(refused.value)


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ('groups = ["sex"]\nbars = { disparate_impact = 1.2 }', "give at most 1, e.g. 0.8"),
        ('groups = ["sex"]\nbars = { disparate_impacts = 0.8 }', "is no measure of binary"),
        ('groups = ["sex"]\nbars = { mae_difference = 2 }', "is no measure of binary"),
        ('groups = ["sex"]\nbars = { accuracy_difference = 0 }', "fairness.bars"),
        ("groups = []", "fairness.groups"),
        ('groups = ["sex", "sex"]', "'sex' is there twice"),
        ('groups = ["y"]', "which is the target"),
        ('groups = ["sex"]\nreference = { gender = "m" }', "fairness.groups lacks"),
        ('groups = ["sex"]\nbands = { age = [25] }', "fairness.bands names 'age'"),
        ('groups = ["age"]\nbands = { age = [45, 25] }', "give bounds in rising order"),
        ('groups = ["sex"]\nkeep_out = ["age"]', "fairness.keep_out names 'age'"),
        ('groups = ["id"]\nkeep_out = ["id"]', "which data.key needs"),
        ('groups = ["region"]\nkeep_out = ["region"]', "which evaluate.slices needs"),
        ('groups = ["sex"]\nfavourable = ["yes"]', "the classes are 0 and 1"),
        ('groups = ["sex"]\nfavourable = [0, 1]', "of two one is favourable"),
        ('groups = ["sex"]\nleast_rows = 3', "fairness.least_rows"),
        ('groups = ["sex"]\nwaive_by = [""]', "give a role's or a user's name"),
        ('groups = ["sex"]\nwaive_by = ["Board "]', "without blanks"),
        ('groups = ["sex"]\nwaive_by = ["Board", "Board"]', "'Board' is there twice"),
        ('groups = ["sex"]\nwaive_by = "Board"', "fairness.waive_by"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_key(rules, said):
    assert said in lines(rules)


def test_each_problem_has_measures_of_its_own():
    several, amounts = "multiclass_classification", "regression"
    assert "name those that are favourable" in lines('groups = ["sex"]', several)
    rules = 'groups = ["sex"]\nfavourable = ["z"]'
    assert "which data.classes lacks" in lines(rules, several, 'classes = ["a", "b"]')
    assert "fairness.favourable is for classes" in lines(rules, amounts)
    assert "nothing measures it for custom" in lines('groups = ["sex"]', "custom")


def test_a_spec_with_groups_lets_the_evaluation_read_the_labels_of_train():
    rules = 'groups = ["sex"]\nbars = { disparate_impact = 0.8 }\nkeep_out = ["sex"]'
    spec = load_spec(START.format(problem="binary_classification", rules=rules, data=""), name="l")
    assert spec.evaluation_reads == ("baseline",)
