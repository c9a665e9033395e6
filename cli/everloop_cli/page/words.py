"""The page's own words, in English and Portuguese. What the ledger says stays as it was said."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

ENGLISH, PORTUGUESE = "en", "pt"
LANGUAGES: Final = {ENGLISH: "English", PORTUGUESE: "Português"}
_FOLDER = Path(__file__).with_name("languages")

Translate = Callable[..., str]


@cache
def portuguese() -> dict[str, str]:
    """Return the Portuguese of each English text."""
    words: dict[str, str] = json.loads((_FOLDER / "pt.json").read_text("utf-8"))
    return words


def chosen(cookie: str | None, accepted: str) -> str:
    """Return the language that was chosen, else the browser's first that there is."""
    if cookie in LANGUAGES:
        return cookie
    for each in accepted.split(","):
        name = each.partition(";")[0].strip().lower().partition("-")[0]
        if name in LANGUAGES:
            return name
    return ENGLISH


def translator(language: str) -> Translate:
    """Return what writes an English text in a language, with values put into {its} {places}."""

    def translate(text: str, /, **values: object) -> str:
        said = portuguese().get(text, text) if language == PORTUGUESE else text
        return said.format(**values) if values else said

    return translate
