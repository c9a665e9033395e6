"""The `everloop` command: arguments in, one command out."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from everloop_cli import laptop, show
from everloop_cli.redrive import QUEUES
from everloop_cli.trouble import Trouble


def parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print JSON instead of tables")
    shared.add_argument("--stack", default="everloop", help="the stack's name (default: everloop)")
    here = argparse.ArgumentParser(add_help=False)
    here.add_argument(
        "--state", type=Path, help="folder of the state (default: .everloop of the clone)"
    )

    top = argparse.ArgumentParser(
        prog="everloop",
        description="Keep machine-learning models alive on AWS, or whole on this laptop.",
    )
    top.add_argument("--version", action="version", version=f"everloop {version('everloop')}")
    commands = top.add_subparsers(dest="command", required=True, metavar="command")

    def add(name: str, text: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, parents=[shared, *parents])

    up = add("up", "start the laptop's cloud and deploy the stack to it", here)
    if laptop.is_installed():
        from everloop_localcloud import options

        options.add(up)
    up.add_argument(
        "--any-template",
        action="store_true",
        help="update the state that another template made",
    )
    up.add_argument(
        "--parameter",
        action="append",
        type=_parameter,
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of template.yaml; it keeps its value from one up to the next",
    )
    down = add("down", "stop the laptop's cloud; its state stays", here)
    down.add_argument("--wipe", action="store_true", help="remove the state, too")
    add("env", "print the variables that point AWS clients to the laptop's cloud", here)

    services = add("services", "list what the laptop's cloud answers, per service and operation")
    services.add_argument("service", nargs="?", help="one service, with its operations")
    services.add_argument("--markdown", action="store_true", help="print docs/services.md")

    push = add("push", "install a model: upload its folder")
    push.add_argument("folder", type=Path, help="e.g. models/flight-delays")
    compiled = add("compile", "write pipeline.json from pipeline.py; a push does the same")
    compiled.add_argument("folder", type=Path, help="e.g. models/air-time")
    drop = add("drop", "bring data: upload files to the model's prefix")
    drop.add_argument("model")
    drop.add_argument("paths", type=Path, nargs="+", help="files or folders")
    drop.add_argument("--prefix", default="", help="put in front of the names, e.g. 2013/")
    drop.add_argument(
        "--anyway",
        action="store_true",
        help="upload without a look: hidden and bad files, and for a model that is not installed",
    )
    label = add("label", "say what came true: upload labels for predictions that were made")
    label.add_argument("model")
    label.add_argument("paths", type=Path, nargs="+", help="CSV files with key and target")

    _add_data(commands, shared)

    status = add("status", "show models, versions, what serves and what runs")
    status.add_argument("model", nargs="?")
    watch = add("watch", "follow decisions as they are made")
    watch.add_argument("model", nargs="?")
    watch.add_argument("--since-start", action="store_true", help="begin with the first decision")
    for name, text in (
        ("approve", "approve a version (the newest that waits, unless told)"),
        ("reject", "reject a version; if it serves, the previous approved one comes back"),
    ):
        review = add(name, text)
        review.add_argument("model")
        review.add_argument("--version", type=int)
        review.add_argument("--reason", default="", help="goes into the registry and the ledger")
        if name == "approve":
            how = review.add_mutually_exclusive_group()
            how.add_argument(
                "--pin",
                action="store_true",
                help="let this version serve, whatever is approved above it, until unpin",
            )
            how.add_argument(
                "--instead", action="store_true", help="reject the approved versions above it"
            )
    unpin = add("unpin", "let the highest approved version serve again")
    unpin.add_argument("model")
    unpin.set_defaults(reason="")
    why = add("why", "tell why a version is in production, or not, and verify the ledger")
    why.add_argument("model")
    why.add_argument("--version", type=int, help="any version (default: the one that serves)")

    doctor = "look at the stack and its models: what is wrong, and how to mend it"
    add("doctor", doctor)
    again = add("redrive", "look at dead letters, and hand them over again")
    again.add_argument("queues", nargs="*", metavar="queue", help=f"one of {', '.join(QUEUES)}")
    again.add_argument("--all", action="store_true", help="hand over what lies in every queue")
    for name, text in (
        ("pause", "let nothing new start for a model (or --all); what runs goes to its end"),
        ("resume", "let a paused or held model (or --all) go on; it starts within minutes"),
    ):
        pausing = add(name, text)
        pausing.add_argument("model", nargs="?")
        pausing.add_argument("--all", action="store_true", help="every model that is installed")
        pausing.add_argument("--reason", default="", help="goes into the ledger")

    _add_template(commands, shared)

    demo = add("demo", "watch the whole loop turn on real flights", here)
    demo.add_argument("--ask", action="store_true", help="stop for your approval of version 1")
    demo.add_argument("--keep", action="store_true", help="leave the cloud running at the end")
    if laptop.is_installed():
        speed, port = options.speed, options.port
        demo.add_argument("--speed", type=speed, default=120.0, help="clock (default: 120)")
        demo.add_argument("--port", type=port, default=4566)
    return top


def _parameter(text: str) -> str:
    if not text.partition("=")[0] or "=" not in text:
        raise argparse.ArgumentTypeError(f"{text!r}: write it as NAME=VALUE")
    return text


def _add_template(commands: Any, shared: argparse.ArgumentParser) -> None:
    text = "the stack's files, as AWS's own tools read them"
    own = commands.add_parser("template", help=text, description=text).add_subparsers(
        dest="action", required=True, metavar="export"
    )
    what = "write template.yaml and all that it names, for sam build and sam deploy"
    export = own.add_parser("export", help=what, description=what, parents=[shared])
    export.add_argument("folder", type=Path, metavar="DIR")
    export.add_argument("--force", action="store_true", help="replace what is there")


def _add_data(commands: Any, shared: argparse.ArgumentParser) -> None:
    text = "see what is in no dataset; take objects out, or bring them back"
    data = commands.add_parser("data", help=text, description=text)
    own = data.add_subparsers(dest="action", required=True, metavar="list|undrop|restore")
    for name, what in (
        ("list", "list what was withdrawn or set aside, with its reason"),
        ("undrop", "delete objects, so that they are in no later dataset"),
        ("restore", "bring what was withdrawn or set aside back, into the next dataset"),
    ):
        one = own.add_parser(name, help=what, description=what, parents=[shared])
        one.add_argument("model")
        if name == "list":
            one.add_argument("--all", action="store_true", help="what is in the datasets, too")
            continue
        help_ = "with or without data/MODEL/ in front"
        if name == "undrop":
            help_ += "; a name that ends in / means all below it"
        one.add_argument("keys", nargs="*" if name == "restore" else "+", metavar="key", help=help_)
        one.add_argument("--reason", default="", help="goes into the ledger")
        if name == "restore":
            one.add_argument("--set-aside", action="store_true", help="all that was set aside")


def run(arguments: argparse.Namespace) -> int:
    """Run one command; imports are local so that each command loads only what it needs."""
    command = arguments.command
    if command in ("up", "down", "env", "services"):
        from everloop_cli import laptop_commands

        return laptop_commands.run(arguments)
    if command == "template":
        from everloop_cli import stack_files

        written = stack_files.export(arguments.folder, force=arguments.force)
        if arguments.json:
            show.emit_json({"folder": str(arguments.folder), "written": written})
        else:
            folder = shlex.quote(str(arguments.folder))
            show.out.print(f"the stack's files are in {arguments.folder}; deploy them with")
            show.out.print(f"  cd {folder} && sam build && sam deploy --guided", soft_wrap=True)
        return 0
    if command == "demo":
        from everloop_cli.demo import story

        return story.run(arguments)
    if command == "data":
        from everloop_cli import data

        return data.run(arguments)
    if command in ("doctor", "redrive", "pause", "resume"):
        from everloop_cli import operating

        return operating.run(arguments)
    if command == "compile":
        from everloop_cli import deliver

        done = deliver.compile_pipeline(arguments.folder)
        show.out.print(f"{'current already' if done['current'] else 'compiled'}: {done['to']}")
        return 0
    from everloop_cli import commands

    return commands.run(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 1 refused, 2 cannot."""
    parsed = parser().parse_args(arguments)
    try:
        return run(parsed)
    except Trouble as trouble:
        show.err.print(show.mark(f"everloop {parsed.command}:", "red"), str(trouble), markup=False)
    except (BotoCoreError, ClientError) as error:
        show.err.print(f"everloop {parsed.command}: AWS: {error}", style="red")
    except KeyboardInterrupt:
        show.err.print("stopped")
        return 130
    return 2


if __name__ == "__main__":
    sys.exit(main())
