"""Whether an account could run a model, before anything is pushed: who asks, where, images, quotas.

What is needed is read from the very requests that are sent later: the rendered pipeline, the jobs
of comparison and monitor, and the endpoint configs.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from everloop.aws import account, feature_groups, quotas, simulated
from everloop.aws.clients import FAULTS
from everloop.aws.quotas import Quota
from everloop.billing import prices, usage
from everloop.errors import BadInput, EverloopError
from everloop.pipelines.feature_groups import lacking, problem_of
from everloop.spec import model_images, policy
from everloop.spec.features import is_own
from everloop_cli.doctor import BAD, GOOD, WARNING, Finding
from everloop_cli.planned import Plan, plan

_CONCURRENCY = "Concurrent executions"
_FEW = 100  # of Lambda's executions at once: below, a burst of events is throttled, and waits
# What whoever pushes, drops, approves and looks needs of a stack, by resource.
_WANTED = {
    "arn:{partition}:s3:::{stack}-data-{account}-{region}/models/{model}/bundle.tar.gz": (
        "s3:PutObject",
    ),
    "arn:{partition}:s3:::{stack}-data-{account}-{region}/data/{model}/a-drop": ("s3:PutObject",),
    "arn:{partition}:dynamodb:{region}:{account}:table/{stack}-ledger": (
        "dynamodb:GetItem",
        "dynamodb:Query",
    ),
    "arn:{partition}:sagemaker:{region}:{account}:model-package/{model}/1": (
        "sagemaker:DescribeModelPackage",
        "sagemaker:UpdateModelPackage",
    ),
    "arn:{partition}:sagemaker:{region}:{account}:endpoint/{model}": (
        "sagemaker:DescribeEndpoint",
        "sagemaker:InvokeEndpoint",
    ),
}


def examine(folder: Path, region: str, stack: str = "everloop") -> Iterator[Finding]:
    """Look at the account as it is for a model's folder. A check that may not look says so."""
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [("credentials", _credentials)]
    try:
        there, unseen = _there()
        made = plan(folder, region, {name: quota.value for name, quota in there.items()})
        model_images.check(made.document, region)
    except BadInput as error:
        yield Finding("model", BAD, str(error), f"everloop push {folder}  says the same")
    else:
        checks += [
            ("model", lambda: _model(made)),
            ("features", lambda: _features(made)),
            ("quotas", lambda: _quotas(made, there, unseen)),
            ("costs", lambda: _costs(made, folder)),
        ]
    model = folder.resolve().name
    checks.append(("permissions", lambda: _permissions(stack, model, region)))
    checks.append(("functions", _functions))
    for name, check in checks:
        try:
            yield from check()
        except (EverloopError, *FAULTS) as error:
            yield Finding(name, BAD, f"could not look: {error}", "allow the call to who you are")


def _credentials() -> Iterator[Finding]:
    yield Finding("credentials", GOOD, f"you are {account.caller().arn}")


def _permissions(stack: str, model: str, region: str) -> Iterator[Finding]:
    """Ask IAM what who asks may do with a stack of this name; whoever may not ask is told so."""
    caller = account.caller().arn
    _, partition, _, _, number, _ = caller.split(":", 5)
    named = {"partition": partition, "account": number, "region": region}
    wanted = {
        resource.format(stack=stack, model=model, **named): actions
        for resource, actions in _WANTED.items()
    }
    try:
        refused = simulated.refused(caller, wanted)
    except (EverloopError, *FAULTS) as error:
        unknown = f"could not be checked: {error}"
        yield Finding("permissions", WARNING, unknown, "allow iam:SimulatePrincipalPolicy to you")
        return
    for each in refused:
        yield Finding("permissions", BAD, f"you may not {each}", f"allow it to {caller}")
    if not refused:
        actions = sorted({action for listed in wanted.values() for action in listed})
        yield Finding("permissions", GOOD, f"you may {', '.join(actions)} of the stack {stack}")


def _model(plan: Plan) -> Iterator[Finding]:
    train = plan.spec.train
    if train.image:
        images_of = f"{train.image} trains"
    else:
        name = train.algorithm or train.framework
        images_of = f"{name} {train.version} has images for training and serving"
    yield Finding("model", GOOD, f"{images_of} in {plan.region}")
    note = policy.rollout_note(plan.document)
    if note:
        yield Finding("model", WARNING, note)


def _features(plan: Plan) -> Iterator[Finding]:
    """Look at each feature group: whether it is there and fits, or is made by the push."""
    for name, section in (plan.document.get("features") or {}).items():
        group, own = section["group"], is_own(section)
        described = feature_groups.find(group)
        if described is None:
            told = f"[features.{name}]: feature group {group}"
            if own:
                yield Finding("features", GOOD, f"{told} is made by the push")
            else:
                yield Finding("features", BAD, f"{told} is not in this account and region")
            continue
        wrong = problem_of(described, section) or ("" if own else lacking(described, section))
        words = f"[features.{name}]: feature group {group} {wrong or 'is there, and fits'}"
        yield Finding("features", BAD if wrong else GOOD, words)


def _there() -> tuple[dict[str, Quota], str]:
    """Return the quotas that are there, and why they could not be read, if so."""
    try:
        return quotas.of("sagemaker"), ""
    except (EverloopError, *FAULTS) as error:
        return {}, str(error)


def _quotas(plan: Plan, there: Mapping[str, Quota], unseen: str) -> Iterator[Finding]:
    if unseen:
        fix = "allow servicequotas:ListServiceQuotas to who you are"
        yield Finding("quotas", BAD, f"could not look: {unseen}", fix)
        return
    for key, passed in plan.passed_over().items():
        if passed:
            words = ", ".join(f"{each.quota} ({_value(there, each.quota)})" for each in passed)
            yield Finding("quotas", GOOD, f"{key} passes over {words}")
    if plan.serverless:
        yield Finding(
            "quotas",
            WARNING,
            f"a release has two serverless endpoints at once, of up to "
            f"{plan.serverless['MaxConcurrency']} requests each; a new account has quotas for a "
            "few endpoints and ten requests, by names that are not known here",
            "aws service-quotas list-service-quotas --service-code sagemaker --output text "
            "--query \"Quotas[?contains(QuotaName, 'erverless')].[QuotaName,Value]\"",
        )
    for name, need in plan.needs().items():
        quota = there.get(name)
        if quota is None:
            message = f"{name}: {need} needed, and Service Quotas does not show what there is"
            yield Finding("quotas", WARNING, message)
        elif quota.value >= need:
            yield Finding("quotas", GOOD, f"{name}: {quota.value:g} there, {need} needed")
        else:
            yield Finding(
                "quotas",
                BAD,
                f"{name} ({quota.code}): {quota.value:g} there, {need} needed",
                _increase("sagemaker", quota.code, need),
            )


def _value(there: Mapping[str, Quota], name: str) -> str:
    quota = there.get(name)
    return "not shown" if quota is None else f"{quota.value:g}"


def _functions() -> Iterator[Finding]:
    quota = quotas.of("lambda").get(_CONCURRENCY)
    if quota is None:
        yield Finding("functions", WARNING, "Service Quotas does not show Lambda's concurrency")
        return
    message = f"Lambda runs {quota.value:g} functions at once in this account and region"
    if quota.value >= _FEW:
        yield Finding("functions", GOOD, message)
        return
    yield Finding(
        "functions",
        WARNING,
        f"{message}: nothing is lost, but bursts of events wait",
        _increase("lambda", quota.code, 1000),
    )


def _costs(plan: Plan, folder: Path) -> Iterator[Finding]:
    try:
        known = prices.read(plan.region)
        serves = known.cost(usage.served(plan.costed))
        least = known.cost(usage.served(plan.costed, most=False))
        loop = known.cost(usage.loop(plan.costed))
    except BadInput as error:
        yield Finding("costs", WARNING, str(error))
        return
    month = f"${serves:,.2f}" if least == serves else f"${least:,.2f} to ${serves:,.2f}"
    estimate = f"about {month} a month while it serves, ${loop:.2f} for each new version"
    if plan.serverless:
        estimate += "; what its requests cost depends on who asks, and is not in it"
    yield Finding(
        "costs", GOOD, f"{estimate} ({plan.region}, {known.as_of}); everloop costs {folder}"
    )


def _increase(service: str, code: str, value: int) -> str:
    return (
        f"aws service-quotas request-service-quota-increase --service-code {service} "
        f"--quota-code {code} --desired-value {value}"
    )
