"""What [train] says of machines: how many, how they work together, and how data reaches them."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from everloop.spec.nearest import nearest

Spec = Mapping[str, Any]

# What starts train.py on all machines in AWS's images; elsewhere nothing reads the hyperparameter.
DISTRIBUTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "torch_distributed": ("pytorch", "huggingface"),
    "mpi": ("pytorch", "tensorflow", "huggingface"),
    "parameter_server": ("tensorflow",),
}


def hyperparameters(spec: Spec) -> dict[str, str]:
    """Return what the toolkit of AWS's images reads of [train] distribution, as JSON."""
    kind = spec["train"].get("distribution")
    return {f"sagemaker_{kind}_enabled": "true"} if kind else {}


def count(spec: Spec) -> int:
    """Return on how many machines a training runs; specs of before say nothing: one."""
    return int(spec["train"].get("count") or 1)


def sharded(spec: Spec, channel: str) -> bool:
    return channel in (spec["train"].get("shard") or ())


def mistakes(spec: Spec) -> Iterator[str]:
    """Yield what does not go together, or does nothing."""
    train = spec["train"]
    yield from _distribution(train)
    channels = ("train", "validation", *(spec["prepare"].get("channels") or ()))
    for name in train["shard"]:
        if name not in channels:
            yield (
                f"train.shard has {name!r}, which is no channel"
                f"{nearest(name, channels) or '; there are: ' + ', '.join(channels)}"
            )
    if len(set(train["shard"])) < len(train["shard"]):
        yield "train.shard names a channel twice; leave it in once"
    if train["shard"] and train["count"] == 1:
        yield "train.shard is given and train.count is 1; a single machine needs all of it"
    if train["input"] == "FastFile" and train["algorithm"]:
        yield (
            f"train.input is 'FastFile', and {train['algorithm']} takes files as a whole: leave it "
            "out"
        )
    if train["keep_warm_minutes"] and train["spot"] is True:
        yield (
            "train.keep_warm_minutes is given and train.spot is true; AWS keeps no spot machine: "
            "leave one of them out"
        )


def _distribution(train: Mapping[str, Any]) -> Iterator[str]:
    kind = train["distribution"]
    if kind is None or train["image"]:
        return
    by = train["algorithm"] or train["framework"]
    if by not in DISTRIBUTIONS[kind]:
        there = [name for name, frameworks in DISTRIBUTIONS.items() if by in frameworks]
        instead = (
            f"it has {' or '.join(there)}"
            if there
            else (
                "leave it out: each machine runs train.py, which finds the others in SM_HOSTS"
                if not train["algorithm"]
                else "leave it out: it works together by itself"
            )
        )
        yield f"train.distribution is {kind!r}, which {by} has not; {instead}"
