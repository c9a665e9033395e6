"""A page in HTML, complete in itself, light or dark, wide or narrow; and tables in it."""

import html
from collections.abc import Sequence
from typing import Any, Final

STYLE: Final = """
:root{--ink:#1d2330;--soft:#667085;--line:#e3e6ee;--paper:#fff;--card:#f7f8fb;--main:#3468d1;
--good:#1a7f4e;--bad:#c2362d}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9f0;--soft:#98a2b5;--line:#2c3342;--paper:#14181f;
--card:#1b212b;--main:#7aa5ff;--good:#4cc38a;--bad:#ff7b72}}
body{font:15px/1.55 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:56rem;
margin:0 auto;padding:2rem 1.25rem 4rem}h1{font-size:1.6rem;line-height:1.25;margin:0}
h2{font-size:1.15rem;margin:2.2rem 0 .6rem}h3{font-size:1rem;margin:1.2rem 0 .3rem}p{margin:.5rem 0}
.soft{color:var(--soft)}.good{color:var(--good)}.bad{color:var(--bad)}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}th,td{padding:.35rem .8rem .35rem 0;
text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}th{color:var(--soft);
font-weight:500}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.key{color:var(--soft);width:11rem}code{font-size:.9em;overflow-wrap:anywhere}
.whole{white-space:nowrap}a{color:inherit}
.lead{font-size:1.1rem;margin:.8rem 0}.said{white-space:pre-line}
.tags{display:flex;flex-wrap:wrap;gap:.5rem;margin:1rem 0}.tags span{background:var(--card);
border:1px solid var(--line);border-radius:6px;padding:.15rem .6rem}
.bars{display:block;min-width:3rem}.bar{display:block;height:.55rem;border-radius:3px;
background:var(--main);margin-top:.45rem}td:has(.bars){width:45%}.long table{min-width:40rem}
.long td:first-child{white-space:nowrap}
@media(max-width:34rem){td.key{width:auto}table.facts td{display:block;border:0;padding:.1rem 0}
table.facts td.key{padding-top:.6rem}}
@media print{body{max-width:none}.wide{overflow:visible}}
"""


def page(title: str, *parts: str) -> str:
    """Return a page; `title` is plain text, the parts are HTML."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{text(title)}</title><style>{STYLE}</style>{''.join(parts)}</html>\n"
    )


def text(value: Any) -> str:
    return html.escape(str(value))


def soft(words: str) -> str:
    return f'<p class="soft">{text(words)}</p>'


def when(time: str) -> str:
    """Return a time as people read it, to the minute."""
    return time[:16].replace("T", " ")


def escaped(rows: Sequence[Sequence[Any]]) -> list[tuple[str, ...]]:
    return [tuple(text(cell) for cell in row) for row in rows]


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], numbers: int = 0, *, long: bool = False
) -> str:
    """Return a table of cells in HTML; the last so many columns hold numbers.

    A `long` one has a column of sentences, and is scrolled where there is no room for them.
    """
    if not rows:
        return soft("none")

    def cells(row: Sequence[str], tag: str) -> str:
        first = len(row) - numbers
        return "".join(
            f'<{tag} class="n">{cell}</{tag}>' if index >= first else f"<{tag}>{cell}</{tag}>"
            for index, cell in enumerate(row)
        )

    top = f"<tr>{cells(head, 'th')}</tr>" if head else ""
    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    kind = "wide long" if long else "wide"
    return f'<div class="{kind}"><table>{top}{body}</table></div>'


def facts(rows: Sequence[tuple[str, str]]) -> str:
    """Return a table of names and values in HTML; one below the other where it is narrow."""
    body = "".join(
        f'<tr><td class="key">{text(name)}</td><td>{value}</td></tr>' for name, value in rows
    )
    return f'<table class="facts">{body}</table>'
