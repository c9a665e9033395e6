"""What a push puts into a bundle beside the model's own code: scripts that its endpoint needs.

The lookup of features, and what hides personal values in captured requests.
"""

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from everloop.bundle import REQUIRED
from everloop.errors import BadInput
from everloop.spec import personal, policy
from everloop.spec.features import LOOKUP, served
from everloop.spec.model_spec import load_spec


def _script(path: str) -> bytes:
    """Read it where the jobs lie, which are never imported here."""
    jobs = find_spec("everloop_jobs")
    assert jobs is not None and jobs.submodule_search_locations
    return (Path(next(iter(jobs.submodule_search_locations))) / path).read_bytes()


def with_lookup(files: Mapping[str, bytes], model: str) -> dict[str, bytes]:
    """Return a folder's files, with the scripts that model.toml's sections need.

    A model.toml that cannot be read is as it was: who checks it says what is wrong.
    """
    text = files.get(REQUIRED[0])
    if text is None or not (b"features" in text or b"privacy" in text):
        return dict(files)
    try:
        spec = load_spec(text.decode(), name=model)
    except (BadInput, UnicodeDecodeError):
        return dict(files)
    more: dict[str, bytes] = {}
    if LOOKUP in spec.scripts:
        looked_up = {"model": model, "groups": served(spec.features)}
        more = {
            LOOKUP: _script(f"feature_store/{LOOKUP}"),
            LOOKUP.replace(".py", ".json"): _json(looked_up),
        }
    if personal.SERVING in spec.scripts:
        document = policy.document(spec)
        own = ("masking.py",)
        more |= {
            personal.SERVING: _script(f"privacy/{personal.SERVING}"),
            personal.CONFIG: _json(personal.config(document, policy.named(document))),
            **{
                f"{personal.FOLDER}/{name}": _script(f"privacy/{name}" if name in own else name)
                for name in personal.READERS
            },
        }
    return {**files, **more}


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()
