"""doctor, redrive, pause, resume: what platform engineers do on a bad day."""

import argparse

from everloop_cli import doctor, pausing, redrive, show
from everloop_cli.records import Records
from everloop_cli.site import Site
from everloop_cli.trouble import Trouble

_STYLES = {doctor.GOOD: show.GOOD, doctor.WARN: show.WAIT, doctor.BAD: show.BAD}


def run(arguments: argparse.Namespace) -> int:
    site = Site(arguments.stack)
    return {
        "doctor": _doctor,
        "redrive": _redrive,
        "pause": _pause,
        "resume": _pause,
    }[arguments.command](site, arguments)


def _doctor(site: Site, arguments: argparse.Namespace) -> int:
    site.output("LedgerTable")  # is there an Everloop stack at all?
    with show.err.status("looking"):
        findings = list(doctor.examine(site))
    if arguments.json:
        show.emit_json([finding.told() for finding in findings])
    else:
        for each in findings:
            # Not a table: a command that a cell breaks in two cannot be copied.
            word = show.mark(f"{each.state:<5}", _STYLES[each.state])
            # Nor markup: a reason may name a section of model.toml, such as [retrain].
            show.out.print(word, f"{each.check}: {each.found}", soft_wrap=True, markup=False)
            if each.mend:
                show.out.print("      mend it:", each.mend, soft_wrap=True, markup=False)
    return 1 if any(finding.state == doctor.BAD for finding in findings) else 0


def _redrive(site: Site, arguments: argparse.Namespace) -> int:
    unknown = sorted(set(arguments.queues) - set(redrive.QUEUES))
    if unknown:
        raise Trouble(f"no queue {unknown[0]!r}; there are {', '.join(redrive.QUEUES)}")
    chosen = redrive.QUEUES if arguments.all else tuple(arguments.queues)
    if not chosen:
        return _look(site, as_json=arguments.json)
    done = [told for queue in chosen for told in redrive.redrive(site, queue)]
    if arguments.json:
        show.emit_json(done)
    else:
        show.table(
            "Handed over again",
            ("queue", "to", "what", "done", "trouble"),
            [
                (
                    told["queue"],
                    told["target"],
                    f"{told['moved']} {told['what']}" if "moved" in told else told["what"],
                    show.mark("yes", show.GOOD) if told["done"] else show.mark("no", show.BAD),
                    told["trouble"],
                )
                for told in done
            ],
        )
    return 0 if all(told["done"] for told in done) else 1


def _look(site: Site, *, as_json: bool) -> int:
    counts = redrive.counts(site)
    found = [
        letter
        for queue, count in counts.items()
        if count
        for letter in redrive.letters(site, queue)
    ]
    if as_json:
        show.emit_json({"counts": counts, "letters": [letter.told() for letter in found]})
        return 0
    show.table("Dead letters", ("queue", "messages"), list(counts.items()))
    if found:
        show.out.print()
        show.table(
            "Some of them",
            ("queue", "for", "what", "why"),
            [(letter.queue, letter.target, letter.what, letter.why) for letter in found],
        )
        show.out.print()
        show.out.print("hand them over again: everloop redrive --all", style=show.QUIET)
    return 0


def _pause(site: Site, arguments: argparse.Namespace) -> int:
    pause = arguments.command == "pause"
    if bool(arguments.model) == arguments.all:
        raise Trouble(f"say which: everloop {arguments.command} MODEL, or --all")
    model = Records(site).known(arguments.model) if arguments.model else None
    reason = arguments.reason or f"{arguments.command}d with everloop {arguments.command}"
    changed = pausing.set_pause(site, model, pause=pause, reason=reason)
    if arguments.json:
        show.emit_json({"models": changed, "paused": pause})
    else:
        word = "paused" if pause else "resumed"
        already = "nothing to do: it is so already"
        show.out.print(f"{word}: {', '.join(changed)}" if changed else already)
    return 0
