"""What a model's jobs and endpoints run in: by framework, by built-in algorithm, or its own image.

They are read from the spec as the ledger keeps it. Specs of before name a framework alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from everloop.errors import BadInput
from everloop.spec import algorithms, images
from everloop.spec.images import Kind, Use
from everloop.spec.instances import listed, of_job, of_transform
from everloop.spec.metrics import scripts
from everloop.spec.nearest import nearest

Spec = Mapping[str, Any]
DEFAULT_FRAMEWORK: Final = "scikit-learn"
JOB: Final = "job"  # what [evaluate] by means: a job imports the model, or
TRANSFORM: Final = "transform"  # its serving container scores rows in a transform job
# Frameworks whose serving container has the handlers of inference.py that our jobs call as well.
_IMPORTED: Final = ("scikit-learn", "xgboost", "pytorch")
# Serving containers that fetch their code from S3; the others look into the model for it.
_CODE_FROM_S3: Final = ("scikit-learn", "xgboost")

_TRAINED_BY: Final[Mapping[Kind, str]] = {"frameworks": "framework", "algorithms": "algorithm"}
_UNFIT: Final = {
    "factorization-machines": "; it takes protobuf and no CSV: use a framework or an image",
    "lightgbm": '; give framework = "scikit-learn", and lightgbm in requirements.txt',
    **dict.fromkeys(
        ("kmeans", "pca", "randomcutforest", "lda", "ntm"),
        "; it learns without a target, by which models are judged here",
    ),
}


@dataclass(frozen=True)
class Images:
    """URIs: what trains, what serves, and what the jobs of jobs/ run in."""

    training: str
    serving: str
    jobs: str


def with_defaults(train: Mapping[str, Any]) -> dict[str, Any]:
    """Return what [train] means where it says nothing: scikit-learn, and the newest version."""
    made = dict(train)
    if all(made.get(key) is None for key in (*_TRAINED_BY.values(), "image")):
        made["framework"] = DEFAULT_FRAMEWORK
    for kind, key in _TRAINED_BY.items():
        name = made.get(key)
        if made.get("version") is None and isinstance(name, str) and name in _there(kind):
            made["version"] = images.versions(name, kind)[0]
    return made


def mistakes(train: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with how [train] says what trains: by whom, and in which version."""
    ways = (*_TRAINED_BY.values(), "image")
    named = [key for key in ways if train.get(key) is not None]
    if len(named) > 1:
        yield f"train has {' and '.join(named)}; a model is trained by one of them: leave one"
        return
    if train.get("image") is not None and train.get("version") is not None:
        yield f"train.version is {train['version']!r}; train.image has its version in its tag"
    for kind, key in _TRAINED_BY.items():
        name = train.get(key)
        if name is None:
            continue
        if name not in _there(kind):
            hint = nearest(name, _there(kind)) or f"; there are: {', '.join(_there(kind))}"
            yield f"train.{key} is {name!r}{_UNFIT.get(name, hint)}"
        elif train.get("version") not in images.known(name, kind):
            version = str(train.get("version"))
            yield f"train.version is {version!r}; {images.offered(name, version, kind)}"


def _there(kind: Kind) -> tuple[str, ...]:
    """Return what a spec may name: of the algorithms, those whose answers the jobs can judge."""
    if kind == "frameworks":
        return images.frameworks()
    return tuple(name for name in images.algorithms() if name in algorithms.ALGORITHMS)


def framework(spec: Spec) -> str | None:
    """Return the framework that trains; None for a built-in algorithm and an image of one's own."""
    section = spec["train"]
    if section.get("algorithm") or section.get("image"):
        return None
    return str(section.get("framework") or DEFAULT_FRAMEWORK)


def algorithm(spec: Spec) -> str | None:
    name = spec["train"].get("algorithm")
    return str(name) if name else None


def named(spec: Spec) -> tuple[str, Kind]:
    """Return by which name the table of images has what trains, and in which part of it."""
    if name := algorithm(spec):
        return name, "algorithms"
    return framework(spec) or DEFAULT_FRAMEWORK, "frameworks"


def own_serving(spec: Spec) -> str | None:
    """Return the image of one's own that serves, if any."""
    own = spec["deploy"].get("image") or spec["train"].get("image")
    return str(own) if own else None


def is_imported(spec: Spec) -> bool:
    """Whether the jobs can import what serves, in the image that trained it."""
    built_in = algorithms.of(spec)
    imported = built_in.imported if built_in else framework(spec) in _IMPORTED
    return imported and not own_serving(spec)


def is_transformed(spec: Spec) -> bool:
    """Whether the serving container scores the model, in a transform job.

    Specs of before do not say it: theirs are all imported. Where evaluate.py alone can say how good
    an answer is, it opens the model itself.
    """
    if is_measured_by_script(spec):
        return False
    return spec["evaluate"].get("by") == TRANSFORM or not is_imported(spec)


def is_scored_apart(champion: Spec, candidate: Spec) -> bool:
    """Whether a champion's own container scores it beside a candidate, in a transform job.

    So it is where no job can import it, and where the candidate's job has another framework.
    """
    if is_measured_by_script(champion):
        return False
    return is_transformed(champion) or _of_jobs(champion) != _of_jobs(candidate)


def _of_jobs(spec: Spec) -> str:
    return named(spec)[0] if is_imported(spec) else DEFAULT_FRAMEWORK


def is_measured_by_script(spec: Spec) -> bool:
    """Whether the folder's own evaluate.py measures it, so that no job knows its answers."""
    return "evaluate.py" in scripts(spec["problem"])


def scoring_mistakes(spec: Spec) -> Iterator[str]:
    """Yield where [evaluate] says that a model be scored as it cannot be."""
    evaluate, by = spec["evaluate"], spec["evaluate"].get("by")
    if by == TRANSFORM and is_measured_by_script(spec):
        yield (
            f"evaluate.by is 'transform', and a {spec['problem']} model is measured by its own "
            "evaluate.py; leave it out"
        )
    elif by == JOB and not is_measured_by_script(spec) and not is_imported(spec):
        yield (
            f"evaluate.by is 'job', and no job can import what {trained_by(spec)} serves; leave it "
            "out: its serving container scores it, in a transform job"
        )
    for instance in listed(evaluate["transform_instance"]):
        if instance.startswith("ml.t"):
            yield (
                f"evaluate.transform_instance is {instance!r}; SageMaker has no transform jobs on "
                "ml.t…, so name another, such as ml.m5.large"
            )


def trained_by(spec: Spec) -> str:
    """Return what trains, for people: an algorithm, a framework, or an image."""
    own = spec["deploy"].get("image") or spec["train"].get("image")
    return str(algorithm(spec) or own or framework(spec))


def has_code_inside(spec: Spec) -> bool:
    """Whether the serving container looks for the code in the model, below code/."""
    return framework(spec) not in (None, *_CODE_FROM_S3) and not own_serving(spec)


def of(spec: Spec, region: str) -> Images:
    """Return the images of a spec. Raises BadInput."""
    train = spec["train"]
    own = train.get("image")
    name, kind = named(spec)

    def aws(use: Use, instance: Any, *, exactly: bool = False) -> str:
        on = images.processor(listed(instance)[0])
        return images.image_uri(
            name, train["version"], region, use, on=on, exactly=exactly, kind=kind
        )

    training = str(own) if own else aws("training", train["instance"])
    serving = own_serving(spec)
    if serving is None:
        serving = aws("inference", spec["deploy"]["production"]["instance"])
    return Images(training, serving, jobs_image(spec, region))


def jobs_image(spec: Spec, region: str) -> str:
    """Return what jobs run in: the model's own image where they import it. Raises BadInput."""
    if is_imported(spec):
        name, kind = named(spec)
        return images.image_uri(name, spec["train"]["version"], region, kind=kind)
    newest = images.versions(DEFAULT_FRAMEWORK)[0]
    return images.image_uri(DEFAULT_FRAMEWORK, newest, region)


def check(spec: Spec, region: str) -> None:
    """Raise BadInput with each image that is not there, or not for the instances of the spec."""
    problems = list(dict.fromkeys(_problems(spec, region)))
    if problems:
        raise BadInput("\n".join(problems))


def _problems(spec: Spec, region: str) -> Iterator[str]:
    train, deploy = spec["train"], spec["deploy"]
    for key, uri in (("train.image", train.get("image")), ("deploy.image", deploy.get("image"))):
        if uri and (there := images.uri_region(uri)) != region:
            yield f"{key} {uri} lies in {there}; the stack in {region}: push it there"
    yield from _trained(spec, region)
    serves = {
        f"deploy.{stage}.instance": listed(deploy[stage]["instance"])
        for stage in ("production", "staging")
    }
    if is_transformed(spec):
        scores = tuple(choice.instance for choice in of_transform(spec))
        serves["evaluate.transform_instance"] = scores
        yield from _one_image(spec, scores, serves["deploy.production.instance"])
    for key, instances in serves.items():
        if own := own_serving(spec):
            yield from _own(own, key, instances)
        else:
            yield from _aws(spec, region, "inference", key, instances)
    yield from _jobs(spec, region)


def _one_image(spec: Spec, scores: tuple[str, ...], serves: tuple[str, ...]) -> Iterator[str]:
    """Yield where what scores needs another image than what serves: they are to be the same."""
    if own_serving(spec) or "any" in images.processors(*_of_serving(spec)):
        return
    on, there = images.processor(scores[0]), images.processor(serves[0])
    if on != there:
        yield (
            f"evaluate.transform_instance is {scores[0]!r}; {_said(scores[0])}, and "
            f"deploy.production.instance {serves[0]!r} is none of its kind: what serves is what "
            "scores, in one image, so name instances of one kind"
        )


def _of_serving(spec: Spec) -> tuple[str, str, Use, Kind]:
    name, kind = named(spec)
    return name, spec["train"]["version"], "inference", kind


def _trained(spec: Spec, region: str) -> Iterator[str]:
    key, instances = "train.instance", listed(spec["train"]["instance"])
    if own := spec["train"].get("image"):
        yield from _own(own, key, instances)
    else:
        yield from _aws(spec, region, "training", key, instances)


def _own(uri: str, key: str, instances: tuple[str, ...]) -> Iterator[str]:
    if wrong := images.wrong_processor(uri, instances):
        yield f"{key}: {wrong}"


def _jobs(spec: Spec, region: str) -> Iterator[str]:
    for section in ("prepare", "evaluate", "monitor"):
        for choice in of_job(spec, section):
            if images.processor(choice.instance) != "cpu":
                what = _said(choice.instance)
                yield (
                    f"{section}.instance is {choice.instance!r}; {what}, and the jobs' image is "
                    "for CPUs"
                )
    try:
        jobs_image(spec, region)
    except BadInput as error:
        yield str(error)


def _aws(spec: Spec, region: str, use: Use, key: str, instances: tuple[str, ...]) -> Iterator[str]:
    """Yield what keeps AWS's image from these instances: it is not there, or is for others."""
    name, kind = named(spec)
    version = spec["train"]["version"]
    try:
        images.image_uri(name, version, region, use, exactly=True, kind=kind)
    except BadInput as error:
        yield str(error)
        return
    there = images.processors(name, version, use, kind)
    for instance in instances:
        on = images.processor(instance)
        if on not in there and ("any" not in there or on not in ("cpu", "gpu")):
            image = " or ".join("x86" if each == "any" else each.upper() for each in there)
            yield (
                f"{key} is {instance!r}; {_said(instance)}, and AWS's image of {name} {version} "
                f"for {use} is for {image}"
            )
    if len({images.processor(each) for each in instances}) > 1 and "any" not in there:
        yield f"{key} names instances that need different images; name those of one kind"


def _said(instance: str) -> str:
    words = {
        "gpu": "it has GPUs",
        "cpu": "it has no GPU",
        "arm": "it is a Graviton (ARM)",
        "neuron": "it has AWS's own accelerators",
    }
    return words[images.processor(instance)]
