"""What a person takes out of a model's datasets, or brings back, and what comes of it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from everloop.aws import buckets, objects, storage
from everloop.aws.settings import settings
from everloop.errors import EverloopError
from everloop.reading import data as reading
from everloop.records.object_state import SET_ASIDE
from everloop.views.data import Data
from everloop_cli import models
from everloop_cli.calling import call
from everloop_cli.trouble import Trouble

_PER_CALL = 500  # what change_data takes


def listed(model: str, *, everything: bool = False) -> Data:
    """Return what was withdrawn or set aside; with `everything` what is in datasets, too.

    Raises Trouble for a model that nobody installed and nothing came for.
    """
    if not reading.is_known(model):
        models.known(model)
    return reading.data(model, everything=everything)


def next_dataset(model: str) -> dict[str, Any] | None:
    """Return what the next dataset would be; None to who may not ask for it."""
    request = {"action": "look", "model": model, "keys": {}, "reason": "looks"}
    try:
        dataset: dict[str, Any] | None = call("change-data", request)["next_dataset"]
    except Trouble:
        return None
    return dataset


def undrop(model: str, names: Iterable[str], reason: str) -> dict[str, Any]:
    """Delete objects, so that they are in no later dataset; return what changed, and what not."""
    bucket = settings().data_bucket
    markers: dict[str, str] = {}
    refused = ""
    for key in dict.fromkeys(_named(model, names)):
        try:
            markers[key] = buckets.delete(bucket, key)
        except EverloopError as error:
            refused = f"S3 did not delete {key}: {error}"
            break
    done = _change("undrop", model, markers, reason)  # also of a part: it is deleted
    if refused:
        raise Trouble(f"{refused}. Deleted before it: {len(markers)} objects")
    return done


def restore(
    model: str, names: Iterable[str], reason: str, *, set_aside: bool = False
) -> dict[str, Any]:
    """Bring objects back into the next dataset; with `set_aside` all that were set aside."""
    chosen = list(names)
    if set_aside:
        states = objects.states(model).values()
        chosen += [each.key for each in states if each.state == SET_ASIDE]
    if not chosen:
        raise Trouble("say which: everloop data restore MODEL KEY, or --set-aside for all of those")
    removed: dict[str, str] = {}
    for key in [_full(model, name) for name in dict.fromkeys(chosen)]:
        removed[key] = ""
        for marker in _markers_above(key):
            try:
                buckets.delete(settings().data_bucket, key, marker)
            except EverloopError as error:
                raise Trouble(
                    f"S3 did not take away the delete marker of {key}: {error}"
                ) from error
            removed[key] = marker
    return _change("restore", model, removed, reason)


def _change(action: str, model: str, keys: Mapping[str, str], reason: str) -> dict[str, Any]:
    done: dict[str, Any] = {"changed": [], "left": {}, "next_dataset": None}
    names = list(keys)
    for start in range(0, len(names), _PER_CALL):
        some = {name: keys[name] for name in names[start : start + _PER_CALL]}
        request = {"action": action, "model": model, "keys": some, "reason": reason}
        answer = call("change-data", request)
        done["changed"] += answer["changed"]
        done["left"] |= answer["left"]
        done["next_dataset"] = answer["next_dataset"]
    return done


def _named(model: str, names: Iterable[str]) -> Iterator[str]:
    """Yield the keys that names mean, which must be there; one that ends in / means all below."""
    for name in names:
        full = _full(model, name)
        below = list(buckets.keys(settings().data_bucket, full))
        named = below if name.endswith("/") else [key for key in below if key == full]
        if not named:
            raise Trouble(f"{full} is not there. What is: everloop data list {model} --all")
        yield from named


def _full(model: str, name: str) -> str:
    prefix = f"data/{model}/"
    return name if name.startswith(prefix) else prefix + name.lstrip("/")


def _markers_above(key: str) -> list[str]:
    """Return the delete markers above a key's newest version, the newest first."""
    listed = storage.versions_of(settings().data_bucket, key)
    newest = max((each.modified for each in listed if not each.marker), default=None)
    markers = [each for each in listed if each.marker]
    if newest is None or not any(each.latest for each in markers):
        return []
    markers.sort(key=lambda each: (each.modified, each.latest), reverse=True)
    return [each.version_id for each in markers if each.modified >= newest]
