"""The `everloop` command: words in, one subcommand out, and every end reported."""

import json
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, Final

import click

from everloop_cli import options, show
from everloop_cli.subcommands import (
    approve,
    audit,
    bom,
    card,
    check,
    compile,
    completion,
    costs,
    data,
    demo,
    doctor,
    down,
    drop,
    env,
    explain,
    forget,
    init,
    invoke,
    label,
    logs,
    notify,
    open_report,
    pause,
    push,
    redrive,
    remove,
    reproduce,
    review,
    services,
    sign,
    spent,
    status,
    template,
    train,
    ui,
    up,
    versions,
    watch,
    why,
)
from everloop_cli.trouble import Trouble

DONE, CANNOT, STOPPED, NOBODY_READS = 0, 2, 130, 141  # and 1: refused, or something is wrong
# As the help shows them.
_SECTIONS: Final[dict[str, tuple[click.Command, ...]]] = {
    "Bring a model and its data": (
        *(
            init.init,
            check.check,
            push.push,
            compile.compile,
            drop.drop,
            train.train,
            label.label,
            data.data,
            forget.forget,
        ),
    ),
    "See and decide": (
        *(status.status, invoke.invoke, logs.logs, open_report.open_report, review.review),
        *(versions.versions, versions.runs, versions.compare),
        *(
            watch.watch,
            why.why,
            explain.explain,
            card.card,
            bom.bom,
            sign.sign,
            audit.audit,
            reproduce.reproduce,
        ),
        *(approve.approve, approve.reject, approve.unpin, ui.ui),
    ),
    "Run the stack": (
        *(spent.spent, doctor.doctor, redrive.redrive, pause.pause, pause.resume, remove.remove),
        notify.notify,
        *(costs.costs, template.template),
    ),
    "On this machine": (
        *(up.up, down.down, env.env, demo.demo, services.services, completion.completion),
    ),
}


class Stopped(Exception):
    """Ctrl-C."""


class Sections(click.Group):
    """The subcommands, in the sections of the help."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Stopped from None  # click would write an empty line first

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for names in _SECTIONS.values() for each in names if (name := each.name)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in _SECTIONS.items():
            with formatter.section(title):
                rows = [(each.name or "", each.get_short_help_str(80)) for each in commands]
                formatter.write_dl(rows)


@click.group(cls=Sections, context_settings=options.SETTINGS)
@options.account
@click.version_option(version("everloop"), prog_name="everloop", message="%(prog)s %(version)s")
def everloop() -> None:
    """Keep machine-learning models alive on AWS, or whole on this laptop.

    Which stack is meant: credentials, profile, region and AWS_ENDPOINT_URL as for the AWS CLI, and
    --stack.
    """


for _commands in _SECTIONS.values():
    for _command in _commands:
        everloop.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code.

    0 done, 1 refused or something is wrong, 2 cannot, 130 stopped by Ctrl-C, 141 nobody reads.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    command = next((word for word in words if not word.startswith("-")), "")
    as_json = "--json" in words
    try:
        code = _run(words, command, as_json)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has seen enough. What is still buffered would fail once more at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOBODY_READS
    return code


def _run(words: list[str], command: str, as_json: bool) -> int:
    from everloop.aws.clients import FAULTS
    from everloop.errors import BadInput, EverloopError

    try:
        code: Any = everloop.main(words, prog_name="everloop", standalone_mode=False)
    except click.UsageError as error:
        if as_json:
            return _error("usage", command, error.format_message())
        error.show()
    except click.ClickException as error:
        return _error("cannot", command, error.format_message(), as_json=as_json)
    except Trouble as trouble:
        return _error("cannot", command, str(trouble), as_json=as_json)
    except BadInput as error:  # of what was typed: no matter of AWS's
        return _error("cannot", command, str(error), as_json=as_json)
    except (*FAULTS, EverloopError) as error:
        return _error("aws", command, f"AWS: {error}", as_json=as_json)
    except (Stopped, KeyboardInterrupt, click.Abort):
        show.progress("stopped", as_json=as_json)
        return STOPPED
    else:
        return code if isinstance(code, int) else DONE
    return CANNOT


def _error(kind: str, command: str, message: str, *, as_json: bool = True) -> int:
    """Report on standard error what stands against it; with --json, as one line of JSON."""
    if as_json:
        document = {"error": {"kind": kind, "command": command, "message": message}}
        print(json.dumps(document, ensure_ascii=False), file=sys.stderr)
    else:
        show.err.print(show.mark(f"everloop {command}:", "red"), message)
    return CANNOT


if __name__ == "__main__":
    sys.exit(main())
