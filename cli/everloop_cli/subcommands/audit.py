"""everloop audit: all that is known of a version, in one file that anybody can verify."""

from pathlib import Path

import click

from everloop_cli import options, show, version_files


@click.command()
@click.argument("model", required=False)
@version_files.asked("PACK.zip", "MODEL-vN-audit.zip")
@click.option(
    "--verify",
    "pack",
    type=click.Path(path_type=Path),
    metavar="PACK",
    help="Verify a pack instead, without AWS.",
)
@click.option(
    "--pdf/--no-pdf",
    default=True,
    show_default=True,
    help="Print the first page, where a browser is found.",
)
@options.stack
def audit(
    model: str | None,
    version: int | None,
    output: Path | None,
    pack: Path | None,
    pdf: bool,
    stack: str,
    as_json: bool,
) -> int:
    """Write an audit pack of a version: decisions, approvals, tests, evaluation, data, code.

    It has a page to begin with, and a verify.py that needs nothing but Python. Ends with 1 where
    the ledger's chain does not hold, or a pack that is verified was changed.
    """
    from everloop_cli import audit_pack

    if pack is not None:
        problems = audit_pack.verified(pack)
        if as_json:
            show.emit_json({"pack": str(pack), "problems": problems})
        else:
            for problem in problems:
                show.out.print(problem, soft_wrap=True)
            for note in [] if problems else audit_pack.notes(pack):
                show.out.print(note, soft_wrap=True)
            if not problems:
                show.out.print(f"{pack} holds", soft_wrap=True)
        return 1 if problems else 0
    if model is None:
        raise click.UsageError("name a model, or a pack with --verify")
    return _write(model, version, output, pdf, stack, as_json)


def _write(
    model: str, version: int | None, output: Path | None, pdf: bool, stack: str, as_json: bool
) -> int:
    from everloop_cli import audit_pack

    version_files.check_folder(output)
    options.open_stack(stack)
    name, number, found = version_files.evidence(model, version)
    target = output or Path(f"{name}-v{number}-audit.zip")
    digest, no_pdf = audit_pack.written(found, target, pdf=pdf)
    problems = list(found.story.chain.problems)
    if as_json:
        show.emit_json(
            {
                "pack": str(target),
                "digest": digest,
                "files": sorted(found.files),
                "missing": dict(found.missing),
                "no_pdf": no_pdf,
                "problems": problems,
            }
        )
        return 1 if problems else 0
    show.out.print(
        f"wrote {target}: {len(found.files)} documents of {name}, version {number}",
        soft_wrap=True,
    )
    for path, why in sorted(found.missing.items()):
        show.out.print(f"  without {path}: {why}", soft_wrap=True)
    if no_pdf:
        show.out.print(f"  without a PDF: {no_pdf}", soft_wrap=True)
    for problem in problems:
        show.out.print(f"  the ledger does not hold: {problem}", soft_wrap=True)
    show.out.print(f"  pack {digest}", soft_wrap=True)
    show.out.print(
        f"  everloop audit --verify {target}  or, unpacked and anywhere: python verify.py",
        soft_wrap=True,
    )
    return 1 if problems else 0
