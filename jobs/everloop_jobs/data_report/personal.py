"""Columns that look as if they said who somebody is. What they hold is never shown.

A guess, from names of columns and forms of values: it warns, and proves nothing.
"""

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from data_report.profile import Profile
from formats.dialect import MISSING

_LEAST = 10  # values, fewer say nothing
_ROWS = 2000  # of the sample that are looked at
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+")
_PHONE = re.compile(
    r"\+\d[\d ().-]{7,18}\d|\(\d{2,3}\) ?\d{4,5}[- ]?\d{4}|\d{3}[-. ]\d{3}[-. ]\d{4}"
)
_SSN = re.compile(r"\d{3}-\d{2}-\d{4}")
_CPF = re.compile(r"\d{3}\.?\d{3}\.?\d{3}-?\d{2}")
_CARD = re.compile(r"\d{4}[ -]?\d{4}[ -]?\d{4}[ -]?\d{1,7}")
_IBAN = re.compile(r"[A-Z]{2}\d{2} ?([A-Z0-9]{4} ?){2,7}[A-Z0-9]{1,4}")
_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}")
_WORD = r"[A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ'’]+(?:-[A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ'’]+)?"
_NAME = re.compile(rf"{_WORD},? (?:(?:de|da|do|dos|das|e|van|von|der|bin|al|[A-Z]\.?) ?)*{_WORD}"
                   rf"(?: (?:(?:de|da|do|dos|das|e) )?{_WORD})*")  # fmt: skip
# Words in the names of columns, in English, Portuguese and Spanish.
_CALLED = {
    "e-mail": "an e-mail address",
    **dict.fromkeys(("email", "mail"), "an e-mail address"),
    **dict.fromkeys(("phone", "telephone", "mobile", "telefone", "celular", "fone"), "a phone"),
    **dict.fromkeys(("cpf", "ssn", "nif", "dni", "rg", "passport", "passaporte"), "an identity"),
    **dict.fromkeys(("surname", "firstname", "lastname", "fullname", "sobrenome"), "a name"),
    **dict.fromkeys(("address", "street", "endereco", "logradouro", "rua"), "an address"),
    **dict.fromkeys(("birthday", "birthdate", "dob", "nascimento"), "a day of birth"),
    **dict.fromkeys(("iban", "iban_number"), "an account"),
}
_PAIRS = {
    **dict.fromkeys(("first name", "last name", "full name", "customer name"), "a name"),
    **dict.fromkeys(("client name", "person name", "patient name", "user name"), "a name"),
    **dict.fromkeys(("birth date", "date birth", "birth day"), "a day of birth"),
    **dict.fromkeys(("card number", "credit card"), "a card"),
    **dict.fromkeys(("ip address", "client ip", "user ip"), "an IP address"),
}


def found(profile: Profile, but: set[str]) -> list[dict[str, Any]]:
    """Return the columns that look personal, and why; `but` are those known to be."""
    rows = profile.sample.rows().head(_ROWS)
    found = []
    for name in rows.columns:
        if name in but:
            continue
        why = list(_by_values(rows[name])) or list(_by_name(name))
        if why:
            found.append({"column": name, "description": why[0]})
    return found


def _by_values(column: pd.Series) -> Iterator[str]:
    values = column[~column.isin(list(MISSING))].astype(str).str.strip()
    if len(values) < _LEAST:
        return
    for what, share, fits in _FORMS:
        seen = float(values.map(fits).mean())
        if seen >= share:
            yield f"{seen:.0%} of its values look like {what}"
    distinct = values.nunique() / len(values)
    seen = float(values.map(_is(_NAME)).mean())
    if seen >= 0.6 and distinct >= 0.5:
        yield f"{seen:.0%} of its values look like names of people"


def _by_name(column: str) -> Iterator[str]:
    words = re.sub(r"([a-z])([A-Z])", r"\1 \2", column)
    words = re.sub(r"[^a-z]+", " ", words.lower()).split()
    pairs = [" ".join(pair) for pair in itertools.pairwise(words)]
    for what in [*(_CALLED.get(word) for word in words), *(_PAIRS.get(pair) for pair in pairs)]:
        if what:
            yield f"its name says that it holds {what}"


def _is(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.fullmatch(text) is not None


def _digits(text: str) -> list[int]:
    return [int(each) for each in text if each in "0123456789"]


def _cpf(text: str) -> bool:
    """Whether it is a Brazilian taxpayer's number, with its two digits of control."""
    digits = _digits(text)
    if not _CPF.fullmatch(text) or len(set(digits)) == 1:
        return False
    for size in (9, 10):
        total = sum(digit * (size + 1 - at) for at, digit in enumerate(digits[:size]))
        if digits[size] != total * 10 % 11 % 10:
            return False
    return True


def _card(text: str) -> bool:
    """Whether it is a number of a payment card: Luhn's digit fits."""
    digits = _digits(text)[::-1]
    if not _CARD.fullmatch(text) or not 13 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    doubled = (sum(divmod(2 * each, 10)) if at % 2 else each for at, each in enumerate(digits))
    return sum(doubled) % 10 == 0


# What it is, from which share of values on, and what says so of one.
_FORMS: tuple[tuple[str, float, Callable[[str], bool]], ...] = (
    ("e-mail addresses", 0.05, lambda text: _EMAIL.search(text) is not None),
    ("CPF numbers", 0.5, _cpf),
    ("numbers of payment cards", 0.5, _card),
    ("social security numbers", 0.5, _is(_SSN)),
    ("phone numbers", 0.3, _is(_PHONE)),
    ("account numbers (IBAN)", 0.5, _is(_IBAN)),
    ("IP addresses", 0.5, _is(_ADDRESS)),
)
