"""Where the reports of a version lie: pages in S3, by what they tell of."""

from itertools import islice

from everloop.aws import storage
from everloop.errors import EverloopError
from everloop.views.version import Version

EVALUATION, COMPARISON, DATA = "evaluation", "comparison", "data"
CARD = "card"  # which is made when somebody looks
_MOST = 1000  # files of an evaluation among which its own pages are looked for
_OWN = 20  # pages


def reports(version: Version) -> dict[str, str]:
    """Return the URIs of a version's pages by kind; they may be gone by now."""
    made = version.made_of
    found = {}
    evaluation = made.get("evaluation-uri", "")
    if evaluation:
        found[EVALUATION] = f"{evaluation.rpartition('/')[0]}/report.html"
    judged = [each for each in version.decisions if each.kind == "judge"]
    comparison = str((judged[-1].facts.get("comparison_uri") if judged else "") or "")
    if comparison:
        found[COMPARISON] = f"{comparison.rpartition('/')[0]}/report.html"
    if made.get("data-report-uri"):
        found[DATA] = made["data-report-uri"]
    return found


def own(version: Version) -> dict[str, str]:
    """Return the URIs of pages that the folder's own evaluation wrote beside ours, by name."""
    evaluation = version.made_of.get("evaluation-uri", "")
    if not evaluation.startswith("s3://"):
        return {}
    bucket, key = storage.split(evaluation)
    folder = f"{key.rpartition('/')[0]}/"
    try:
        names = [name[len(folder) :] for name, _ in islice(storage.listed(bucket, folder), _MOST)]
    except EverloopError:
        return {}  # it is gone by now
    pages = [name for name in names if name.endswith((".html", ".htm")) and name != "report.html"]
    return {name: f"s3://{bucket}/{folder}{name}" for name in pages[:_OWN]}
