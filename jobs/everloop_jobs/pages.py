"""A page in HTML, complete in itself, light or dark; and tables in it."""

import html
from collections.abc import Sequence
from typing import Any

_STYLE = """
:root{--ink:#1d2330;--soft:#667085;--line:#e3e6ee;--paper:#fff;--card:#f7f8fb;--main:#2f63cc;
--other:#8b94a7;--good:#00755e;--bad:#b8440a;--edge:#3a4254}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9f0;--soft:#98a2b5;--line:#2c3342;--paper:#14181f;
--card:#1b212b;--main:#7aa5ff;--other:#8b96ab;--good:#43c9a4;--bad:#ff965f;--edge:#c6cede}}
body{font:15px/1.55 system-ui,-apple-system,"Segoe UI",sans-serif;color:var(--ink);
background:var(--paper);max-width:52rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 .25rem}h2{font-size:1.1rem;margin:2.6rem 0 .8rem}
p{margin:.4rem 0}.soft{color:var(--soft)}.good{color:var(--good)}.bad{color:var(--bad)}
.verdict{border-left:4px solid var(--other);background:var(--card);padding:.8rem 1.1rem;
margin:1.4rem 0;border-radius:0 6px 6px 0}.verdict b{font-size:1.15rem}
.verdict.good{border-color:var(--good);color:inherit}.verdict.good b{color:var(--good)}
.verdict.bad{border-color:var(--bad);color:inherit}.verdict.bad b{color:var(--bad)}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(10.5rem,1fr));gap:.8rem;
margin:1.4rem 0}.card{background:var(--card);border-radius:8px;padding:.8rem 1rem}
.card b{display:block;font-size:1.5rem;font-variant-numeric:tabular-nums}
.card small{color:var(--soft);display:block;line-height:1.4}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.4rem .9rem .4rem 0;text-align:left;border-bottom:1px solid var(--line);
vertical-align:top}th{color:var(--soft);font-weight:500}td.n,th.n{text-align:right}
svg{width:100%;height:auto;display:block}svg text{font-size:12.5px;fill:var(--ink)}
svg .soft{fill:var(--soft)}svg .mid{text-anchor:middle}svg .end{text-anchor:end}
svg .number{font-variant-numeric:tabular-nums}svg .grid{stroke:var(--line)}
svg .edge{stroke:var(--edge);stroke-width:1.5}svg .dashed{stroke-dasharray:5 4;stroke-width:1}
svg .track{fill:var(--card)}svg .main{fill:var(--main);stroke:var(--main)}
svg .other{fill:var(--other);stroke:var(--other)}svg .plain{fill:var(--edge);stroke:var(--edge)}
svg .good{fill:var(--good);stroke:var(--good)}svg .bad{fill:var(--bad);stroke:var(--bad)}
svg .thick{stroke-width:3}svg .line{fill:none;stroke-width:2}svg .area{fill-opacity:.3}
svg .other.area{stroke-dasharray:4 2}svg .title{font-weight:600}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,20rem),1fr));
gap:1rem 2rem}
svg .faint{fill-opacity:.35;stroke:none}svg rect.main,svg rect.bad,svg rect.track{stroke:none}
details{margin:.6rem 0}summary{cursor:pointer}
.facts{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:1rem 0}
.facts dt{color:var(--soft)}.facts dd{margin:0;overflow-wrap:anywhere}
@media(max-width:600px){body{padding:1.5rem 1rem 3rem}.wide svg{min-width:36rem}}
@media print{:root{--ink:#000;--soft:#444;--line:#bbb;--paper:#fff;--card:#f3f3f3;--main:#2f63cc;
--other:#777;--good:#00755e;--bad:#b8440a;--edge:#222}body{max-width:none;padding:0;font-size:10pt}
h2,h3{break-after:avoid}svg,.card,.verdict,tr{break-inside:avoid}.wide{overflow:visible}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""

# A page asks nobody for anything: it is complete in its one file.
_NOBODY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table; a pair is (class, text)."""

    def cell(value: Any) -> str:
        tone, text = value if isinstance(value, tuple) else ("", value)
        return f'<td class="{tone}">{html.escape(str(text))}</td>'

    top = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    body = "".join(f"<tr>{''.join(cell(value) for value in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{top}</tr>{body}</table></div>'


def some(lines: Sequence[str], most: int = 5) -> list[str]:
    """Return the first lines, and how many more there are."""
    more = [f"and {len(lines) - most} more"] if len(lines) > most else []
    return [*lines[:most], *more]


def page(title: str, subtitle: str, *parts: str, facts: Sequence[tuple[str, str]] = ()) -> str:
    """Return a page; `facts` are the pairs of its head."""
    title = html.escape(title)
    pairs = "".join(
        f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in facts
    )
    head = f'<dl class="facts">{pairs}</dl>' if pairs else ""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_NOBODY}">'
        f"<title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>"
        f'<p class="soft">{html.escape(subtitle)}</p>{head}{"".join(parts)}</html>\n'
    )
