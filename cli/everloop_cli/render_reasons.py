"""Reasons for one prediction, as a table with bars."""

from everloop_cli import show
from everloop_cli.reasons import Reason, Reasons

_BAR = 24
_MOST = 30


def reasons(view: Reasons) -> None:
    """Print what each column adds, the largest first; to the right of the middle it adds."""
    what = "" if view.output == "answer" else f" ({view.output})"
    show.out.print(
        f"version {view.version} of {view.model} answers {_number(view.answer)}{what}; "
        f"a usual row gets {_number(view.base)}",
        soft_wrap=True,
    )
    show.out.print()
    longest = max((abs(each.part) for each in view.reasons), default=0.0)
    show.table(
        "What each column adds",
        ("column", "value", "usual", "adds", "±", ""),
        [
            (
                each.column,
                each.value[:40],
                each.usual[:40],
                f"{each.part:+.4g}",
                _error(each),
                _bar(each.part, longest),
            )
            for each in view.reasons[:_MOST]
        ],
    )
    rest = view.reasons[_MOST:]
    if rest:
        left = sum(each.part for each in rest)
        show.out.print(f"{len(rest)} more columns add {left:+.4g} together", style=show.QUIET)
    for names, why in (
        (view.held, "have no usual value, and are as in the row"),
        (view.unknown, "are none that it was trained on, and are sent as they are"),
    ):
        if names:
            show.out.print(f"{', '.join(names)}: {why}", style=show.QUIET)
    how = "all combinations" if view.exact else "combinations drawn at random"
    show.out.print(
        f"{view.rows} rows in {view.calls} calls ({how}). Columns at their usual values are left "
        "out. It says what the model does, not what causes what.",
        style=show.QUIET,
    )


def _error(reason: Reason) -> str:
    if reason.error is None:
        return "?"
    return f"{2 * reason.error:.2g}" if reason.error else ""


def _bar(part: float, longest: float) -> str:
    """Return a bar around a middle, as long as its part is of the longest."""
    half = _BAR // 2
    length = round(half * abs(part) / longest) if longest else 0
    bar = "█" * length
    return f"{bar:>{half}}│" if part < 0 else f"{'':>{half}}│{bar}"


def _number(value: float) -> str:
    return f"{value:.6g}"
