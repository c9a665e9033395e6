"""What `[train] in_one_job` excludes: what trains otherwise, and what nothing would run on."""

from collections.abc import Iterator, Mapping
from typing import Any

from everloop.spec import model_images


def mistakes(spec: Mapping[str, Any], *, of_its_own: bool) -> Iterator[str]:
    """Yield what cannot be trained in one job, or is given and does nothing there.

    `of_its_own` is whether model.toml names instances for the preparation.
    """
    train = spec["train"]
    if not train["in_one_job"]:
        return
    framework = train["framework"]
    excluded = {
        f"train.framework is {framework!r}; what it serves is scored by its own container, in a "
        "job of its own": framework and not model_images.is_imported(spec),
        f"train.algorithm is {train['algorithm']!r}; it is trained by its own container, which "
        "runs no script of ours": train["algorithm"],
        "train.image is given; what its container runs is its own": train["image"],
        f"train.count is {train['count']}; what is prepared on one machine is no other's": (
            train["count"] > 1
        ),
        f"train.input is {train['input']!r}; the job reads what it prepared": (
            train["input"] != "File"
        ),
        "[features] is given; records are awaited after a job that only prepares": spec["features"],
        "evaluate.by is 'transform', for which a job of its own has to run": (
            spec["evaluate"]["by"] == model_images.TRANSFORM
        ),
        "[tune] trains several times on what is prepared once": spec["tune"],
        f"prepare.instance is {spec['prepare']['instance']!r}, and all of it runs on "
        "train.instance; remove that key": of_its_own,
    }
    for why, given in excluded.items():
        if given:
            yield f"train.in_one_job is true and {why}"
