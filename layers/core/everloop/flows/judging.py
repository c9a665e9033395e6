"""Judging: start the evaluation of a candidate."""

from everloop import names
from everloop.aws import machines
from everloop.decisions import Decision
from everloop.decisions.releases import Package


def start_evaluation(package: Package, attempt: int = 1) -> Decision:
    """Start the evaluate machine for a package that waits for judgement; twice is once."""
    if package.status != "Completed" or package.approval != "PendingManualApproval":
        return Decision(
            False,
            f"version {package.version} is {package.status} and {package.approval}: "
            "nothing to judge",
        )
    name = names.evaluate_execution(package.model, package.version, package.arn, attempt)
    started = machines.start(
        machines.EVALUATE, name, {"model": package.model, "package_arn": package.arn}
    )
    word = "is being judged" if started.new else "was judged already, or is being judged"
    return Decision(started.new, f"version {package.version} {word} ({name})", {"execution": name})
