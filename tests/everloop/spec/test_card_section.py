"""[card] of model.toml: what AWS's schema of model cards refuses is refused at push, by its key."""

import pytest

from everloop.errors import BadInput
from everloop.spec.model_spec import load_spec

START = """
problem = "{problem}"
[data]
target = "y"
[evaluate]
slices = []
{more}
[card]
{card}
"""


def load(card, problem="binary_classification", more=""):
    return load_spec(START.format(problem=problem, card=card, more=more), name="loans")


@pytest.mark.parametrize(
    ("card", "said"),
    [
        (f'purpose = "{"x" * 2049}"', "card.purpose is 'xxx"),
        (f'purpose = "{"x" * 2049}"', "it has 2049 characters, and AWS's model cards take 2048"),
        (f'owner = "{"x" * 1025}"', "AWS's model cards take 1024; shorten it"),
        (f'out_of_scope_use = "{"x" * 1025}"', "AWS's model cards take 1024"),
        ('risk_rating = "Huge"', "card.risk_rating is 'Huge'; give 'High' or 'Medium'"),
        ('risk_rating = "high"', "card.risk_rating is 'high'; did you mean 'High'?"),
        ("owner = 3", "card.owner is 3; a text belongs here"),
        ('owner = "a\\u0007"', "control characters"),
        ('colour = "red"', "card.colour is not a key"),
        ('required = ["owner"]', "card.required names 'owner', and card.owner is not given"),
        ('owner = "  "\nrequired = ["owner"]', "card.owner is not given; write it"),
        ('required = ["risk_rating"]', "card.risk_rating is not given"),
        ('required = ["purpos"]', "card.required names 'purpos', which no card has; did you mean"),
        ('required = ["fairness"]', "there is no [fairness]; say there which groups"),
        ('required = ["slices"]', "evaluate.slices is empty; name columns there"),
    ],
)
def test_what_no_card_can_say_is_refused_by_its_key(card, said):
    with pytest.raises(BadInput) as refused:
        load(card)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("problem", "more", "said"),
    [
        ("binary_classification", "[explain]\nseconds = 0", "explain.seconds is 0"),
        ("custom", "", "nothing explains such a model"),
    ],
)
def test_an_explanation_that_cannot_come_is_not_required(problem, more, said):
    with pytest.raises(BadInput) as refused:
        load('required = ["explanations"]', problem, more)
    assert said in str(refused.value)


def test_a_card_that_says_all_is_taken_as_it_is():
    lines = {
        "purpose": "x" * 2048,
        "owner": "Ground operations",
        "intended_use": "gates",
        "out_of_scope_use": "people",
        "licence": "MIT",
        "limits": "none known",
        "ethics": "nobody is judged",
        "risk_reason": "gates only",
    }
    card = "\n".join(f'{name} = "{value}"' for name, value in lines.items())
    required = ", ".join(f'"{name}"' for name in [*lines, "risk_rating", "explanations"])
    found = load(f'{card}\nrisk_rating = "Low"\nrequired = [{required}]').card
    assert (found.purpose, found.risk_rating) == ("x" * 2048, "Low")


def test_without_a_section_a_card_says_nothing_of_its_own():
    assert load("").card.model_dump() == {
        **dict.fromkeys(
            ("purpose", "owner", "intended_use", "out_of_scope_use", "licence", "limits"), ""
        ),
        "ethics": "",
        "risk_rating": "Unknown",
        "risk_reason": "",
        "required": [],
    }
