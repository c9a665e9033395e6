"""What regulations ask of a system's documentation, and where a pack has it.

The wording is ours and short; the texts themselves are what holds. No path means that a person
writes it: Everloop does not know it.
"""

from typing import Final, NamedTuple

ACT, ISO, LGPD = (
    "EU AI Act (Regulation 2024/1689), Annex IV",
    "ISO/IEC 42001:2023, Annex A",
    "LGPD (Lei 13.709/2018)",
)


class Item(NamedTuple):
    """`paths` are files of a pack, or empty where a person writes it."""

    law: str
    number: str
    asks: str
    paths: tuple[str, ...] = ()


_CARD, _SPEC, _EVALUATION, _DECISIONS = (
    "card.html",
    "code/spec.json",
    "evaluation/evaluation.json",
    "ledger/decisions.jsonl",
)
ITEMS: Final = (
    Item(
        ACT,
        "1(a)",
        "intended purpose, provider, version and earlier versions",
        (_CARD, _SPEC, "version/story.json"),
    ),
    Item(ACT, "1(b)-(h)", "hardware, interfaces, user interface, instructions for use"),
    Item(ACT, "2(a)", "how it was developed, and with which tools", ("code/bundle.tar.gz", _SPEC)),
    Item(ACT, "2(b)", "design: what it optimises, and choices with their reasons"),
    Item(ACT, "2(c)", "architecture, and the computing resources", (_SPEC, "version/story.json")),
    Item(
        ACT,
        "2(d)",
        "data: provenance, scope, selection, labels, cleaning",
        ("data/manifest.json", "data/report.html"),
    ),
    Item(
        ACT, "2(e)", "human oversight, and who has exercised it", (_DECISIONS, "version/story.json")
    ),
    Item(ACT, "2(f)", "changes that were determined in advance", (_SPEC,)),
    Item(
        ACT,
        "2(g)",
        "validation and testing: data, metrics, bias, reports with date",
        (_EVALUATION, "evaluation/report.html", "comparison/comparison.json", _DECISIONS),
    ),
    Item(ACT, "2(h)", "cybersecurity measures"),
    Item(
        ACT,
        "3",
        "monitoring, performance by groups, limits, sources of risk",
        (_CARD, _EVALUATION, _DECISIONS),
    ),
    Item(ACT, "4", "why the metrics are the right ones"),
    Item(ACT, "5", "risk management system (Article 9)"),
    Item(ACT, "6", "changes over the life cycle", (_DECISIONS,)),
    Item(ACT, "7-8", "harmonised standards, EU declaration of conformity"),
    Item(ACT, "9", "post-market monitoring: what was seen", (_DECISIONS,)),
    Item(ISO, "A.5", "impact assessment"),
    Item(
        ISO, "A.6.2.4", "verification and validation", (_EVALUATION, "comparison/comparison.json")
    ),
    Item(ISO, "A.6.2.5", "deployment: what was required, and met", (_DECISIONS,)),
    Item(ISO, "A.6.2.6", "operation and monitoring", (_DECISIONS,)),
    Item(ISO, "A.6.2.7", "technical documentation", (_CARD, "version/story.json", _SPEC)),
    Item(ISO, "A.6.2.8", "records of events", (_DECISIONS, "ledger/anchors.json")),
    Item(
        ISO,
        "A.7.3-A.7.6",
        "data: acquisition, quality, provenance, preparation",
        ("data/manifest.json", "data/report.html", "code/bundle.tar.gz"),
    ),
    Item(ISO, "A.10.3", "suppliers: what comes from others", ("supply-chain/bom.json",)),
    Item(ISO, "A.8.2", "information for users: purpose, use and limits", (_CARD,)),
    Item(ISO, "A.8.3", "how users report what went wrong"),
    Item(
        LGPD,
        "art. 20",
        "revisão de decisões automatizadas: critérios e procedimentos (criteria)",
        (_SPEC, _EVALUATION),
    ),
    Item(
        LGPD,
        "art. 37",
        "registro das operações de tratamento (records)",
        ("data/manifest.json", _DECISIONS),
    ),
    Item(LGPD, "art. 38", "relatório de impacto à proteção de dados (impact assessment)"),
    Item(LGPD, "art. 46", "medidas de segurança (security)"),
)
