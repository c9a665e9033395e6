"""The page of a version's model card: what it is for, made of, how good, for whom, who decided."""

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any

from everloop.reading.evidence import Evidence
from everloop.reading.materials import CARD
from everloop_cli.card import history, measured
from everloop_cli.pages import facts, page, soft, text

Json = Mapping[str, Any]


def written(found: Evidence, *, links: Collection[str] = ()) -> str:
    """Return the page; `links` are paths of the documents that lie beside it."""
    version = found.story.version
    assert version is not None
    own, spec = _document(found, CARD), _document(found, "code/spec.json")
    evaluation = _document(found, "evaluation/evaluation.json")
    comparison = _document(found, "comparison/comparison.json")
    name = f"{found.story.model}, version {version.version}"
    said = _Said(own, spec)
    parts = [
        f"<h1>{text(name)}</h1>",
        soft("Model card"),
        f'<p class="lead said">{text(said.purpose)}</p>' if said.purpose else "",
        _tags(found, said),
        "<h2>Use</h2>",
        _use(said),
        *measured.metrics(evaluation, spec, links),
        *measured.comparison(comparison, links),
        *measured.fairness(evaluation),
        *measured.explanations(evaluation),
        "<h2>Limits</h2>",
        _limits(said),
        *history.data(found, _document(found, "data/manifest.json"), links),
        *history.training(found, spec),
        *history.monitoring(found, spec),
        *history.approvals(found),
        *history.lineage(found),
        *history.versions(found),
        "<h2>This card</h2>",
        _about(found, own),
    ]
    return page(f"{name}: model card", *parts)


class _Said:
    """What the owner wrote: by the package's own card, or model.toml where it has none."""

    def __init__(self, own: Json, spec: Json) -> None:
        uses, more = own.get("intended_uses") or {}, own.get("additional_information") or {}
        details, card = more.get("custom_details") or {}, spec.get("card") or {}
        if not own:
            uses = {
                "purpose_of_model": card.get("purpose") or spec.get("description"),
                "intended_uses": card.get("intended_use"),
                "risk_rating": card.get("risk_rating"),
                "explanations_for_risk_rating": card.get("risk_reason"),
            }
            more = {
                "ethical_considerations": card.get("ethics"),
                "caveats_and_recommendations": card.get("limits"),
            }
            details = {"out-of-scope use": card.get("out_of_scope_use")}
            details["licence"] = card.get("licence")
        overview = own.get("model_overview") or {}
        self.owner = overview.get("model_creator") or card.get("owner") or ""
        self.purpose = uses.get("purpose_of_model") or ""
        self.use = uses.get("intended_uses") or ""
        self.out = details.get("out-of-scope use") or ""
        self.risk = uses.get("risk_rating") or "Unknown"
        self.why_risk = uses.get("explanations_for_risk_rating") or ""
        self.ethics = more.get("ethical_considerations") or ""
        self.limits = more.get("caveats_and_recommendations") or ""
        self.licence = details.get("licence") or ""


def _tags(found: Evidence, said: _Said) -> str:
    version, serving = found.story.version, found.story.serving
    assert version is not None
    tone = {"good": "good", "bad": "bad"}.get(version.approval_outcome, "")
    serves = serving is not None and serving.version == version.version
    tags = [
        f'<span class="{tone}">{text(version.approval)}</span>',
        f'<span class="{"good" if serves else ""}">'
        f"{'in production' if serves else 'not in production'}</span>",
        f"<span>risk: {text(said.risk)}</span>",
        f"<span>owner: {text(said.owner or 'not written')}</span>",
        f"<span>licence: {text(said.licence or 'not written')}</span>",
    ]
    return f'<div class="tags">{"".join(tags)}</div>'


def _use(said: _Said) -> str:
    return facts(
        [
            ("Intended use", _words(said.use, "intended_use")),
            ("Not for", _words(said.out, "out_of_scope_use")),
            ("Owner", _words(said.owner, "owner")),
            ("Licence", _words(said.licence, "licence")),
            ("Risk", f"{text(said.risk)}: {_words(said.why_risk, 'risk_reason')}"),
        ]
    )


def _limits(said: _Said) -> str:
    return facts(
        [
            ("Known limits", _words(said.limits, "limits")),
            ("What it may do to people", _words(said.ethics, "ethics")),
        ]
    )


def _words(words: str, key: str) -> str:
    if words:
        return f'<span class="said">{text(words)}</span>'
    return f'<span class="soft">not written (card.{key} of model.toml)</span>'


def _about(found: Evidence, own: Json) -> str:
    version = found.story.version
    assert version is not None
    if not own:
        why = found.missing.get(CARD, "its package has none")
        return soft(f"The version has no card of its own in the registry: {why}.")
    judged = [each for each in version.decisions if each.kind == "judge"]
    wanted = judged[-1].facts.get("card_digest") if judged else None
    now = hashlib.sha256(found.files[CARD]).hexdigest()
    if wanted and wanted != now:
        words = "Somebody changed the package's card after the version was judged by it."
        return f'<p class="bad">{words}</p>'
    return soft("What people wrote is from the package's own card in the registry.")


def _document(found: Evidence, path: str) -> Json:
    """Return a document; an empty one where it is not there, or is none."""
    try:
        document = json.loads(found.files.get(path, b"{}"))
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
