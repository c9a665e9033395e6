"""Where the reports of a version lie: pages in S3, by what they tell of."""

from everloop.views.version import Version

EVALUATION, COMPARISON, DATA = "evaluation", "comparison", "data"
CARD = "card"  # which is made when somebody looks


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
