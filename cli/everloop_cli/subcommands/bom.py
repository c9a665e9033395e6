"""everloop bom: the bill of materials of a version, in CycloneDX."""

from pathlib import Path

import click

from everloop_cli import options, show, version_files


@click.command()
@click.argument("model")
@version_files.asked("BOM.cdx.json", "MODEL-vN.cdx.json")
@click.option(
    "--advisories",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Advisories in OSV's format: a JSON file, a folder of them, or OSV's archive of PyPI.",
)
@options.stack
def bom(
    model: str,
    version: int | None,
    output: Path | None,
    advisories: Path | None,
    stack: str,
    as_json: bool,
) -> int:
    """Write what a version is made of: model, container, packages, code and data, with licences.

    In CycloneDX 1.6, with digests. Where advisories are given it says which known vulnerabilities
    its packages have, and ends with 1 where one has a fix. Without them nothing is judged.
    """
    import json

    from everloop import bom as bills
    from everloop_cli import advisories as sources

    version_files.check_folder(output)
    options.open_stack(stack)
    name, _, found = version_files.evidence(model, version)
    made = found.materials
    assert made is not None
    judged = sources.judged(made.packages.get("packages") or (), advisories)
    bill = bills.bom(made, judged.document())
    code = 1 if judged.fixable else 0
    if as_json and output is None:
        show.emit_json(bill)
        return code
    target = output or Path(f"{name}-v{made.version}.cdx.json")
    version_files.write(target, json.dumps(bill, indent=2, ensure_ascii=False) + "\n")
    if as_json:
        show.emit_json(bill)
        return code
    lines = [f"wrote {target}: {name}, version {made.version}, {len(bill['components'])} parts"]
    for each in bill["metadata"]["properties"]:
        words = each["name"].removeprefix("everloop:").replace("-", " ")
        lines.append(f"  {words}: {each['value']}")
    for each in judged.found:
        lines.append(f"  {each['id']} in {each['affects'][0]['ref']}: {each['recommendation']}")
    for line in lines:
        show.out.print(line, soft_wrap=True)
    return code
