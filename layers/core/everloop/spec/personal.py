"""What a spec says of personal values, and what a bundle has so that an endpoint hides them.

Read from the spec as the ledger keeps it. Specs of before have no [privacy].
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from everloop.spec import model_images

# A push puts these into the bundle, beside inference.py, which the first of them calls.
SERVING: Final = "everloop_serving.py"
READERS: Final = ("json_rows.py", "masking.py", "payloads.py", "sent_columns.py")
FOLDER: Final = "everloop_reader"
CONFIG: Final = f"{FOLDER}/config.json"


def personal(spec: Mapping[str, Any]) -> list[str]:
    """Return the columns whose values nobody may see, the key among them; of specs of before none.

    Jobs and bundles have them as `hidden` in the section.
    """
    section = spec.get("privacy") or {}
    key = [spec["data"]["key"]] if section.get("key_is_personal") else []
    return [name for name in dict.fromkeys([*key, *section.get("personal", ())]) if name]


def scripts(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a bundle has to hold so that an endpoint writes masked records itself."""
    if not personal(spec) or not model_images.framework(spec) or not model_images.is_imported(spec):
        return ()
    return (SERVING, CONFIG, *(f"{FOLDER}/{name}" for name in READERS))


def with_key(document: dict[str, Any], masking_key: str) -> dict[str, Any]:
    """Return a spec as its jobs read it: with the stack's key, of which theirs is made."""
    if document.get("privacy"):
        document["privacy"]["masking_key"] = masking_key
    return document


def program(spec: Mapping[str, Any]) -> str:
    """Return the file that a serving container runs."""
    return SERVING if scripts(spec) else "inference.py"


def config(spec: Mapping[str, Any], named: Iterable[str]) -> dict[str, Any]:
    """Return what the endpoint's code knows of the spec; columns that are `named` name a row."""
    data = spec["data"]
    return {
        "model": spec["name"],
        "data": {name: data[name] for name in ("target", "key", "timestamp", "columns")},
        "privacy": dict(spec["privacy"]),
        "named": list(named),
    }
