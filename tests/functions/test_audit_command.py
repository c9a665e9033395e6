"""An audit pack: made from what is there, verified by anybody, and each changed byte is found."""

import ast
import hashlib
import io
import json
import random
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from functions.test_commands import MODEL, said, stack, told

from everloop.flows import report
from everloop.moments import moment
from everloop_cli.audit_pack.verify import canonical, sealed
from everloop_cli.main import main

__all__ = ["stack"]
AT = moment("2026-11-20T10:20:00Z")


def judged(account):
    """A version with an evaluation, a dataset and a verdict."""
    place = f"s3://{account.artefacts}"
    account.put_json(
        f"{place}/runs/{MODEL}/r1/evaluation/evaluation.json",
        {"rows": 900, "metrics": {"auc": {"value": 0.71}}},
    )
    arn = account.register(approval="Approved")
    report.decided(
        "judge",
        id="judge-1",
        model=MODEL,
        time=AT,
        go=True,
        reason="auc 0.7100 (at least 0.6000) <script>",
        facts={"version": 1, "verdict": "approved", "bars": {"auc": {"value": 0.71, "bar": 0.6}}},
        subject=arn,
    )
    report.decided(
        "serve",
        id="r7",
        model=MODEL,
        time=AT,
        go=True,
        reason="version 1 serves",
        facts={"version": 1, "outcome": "released", "epoch": 7},
    )
    account.put_json(f"{place}/releases/{MODEL}/r7/endpoint-tests.json", {"passed": True})
    account.serve(1)


def pack(account, capsys, folder):
    judged(account)
    target = folder / "pack.zip"
    found = told(capsys, "audit", MODEL, "-o", str(target), "--no-pdf")
    assert found["pack"] == str(target)
    return target, found


def unpacked(target, folder):
    with zipfile.ZipFile(target) as archive:
        archive.extractall(folder)
    return folder


def verify(folder):
    """Verify a pack as an auditor does, elsewhere and with nothing but Python."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(folder / "verify.py")],
        capture_output=True,
        text=True,
        check=False,
        env={},
    )
    return done.returncode, done.stdout + done.stderr


def test_a_pack_holds_in_an_empty_folder_with_nothing_but_python(stack, capsys, tmp_path):
    target, found = pack(stack, capsys, tmp_path)
    code, shown = verify(unpacked(target, tmp_path / "elsewhere"))
    assert code == 0, shown
    assert f"pack {found['digest']}" in shown and "decisions hold" in shown
    assert main(["audit", "--verify", str(target)]) == 0
    assert "holds" in capsys.readouterr().out
    names = set(zipfile.ZipFile(target).namelist())
    assert {"index.html", "verify.py", "manifest.json", "evaluation/evaluation.json"} < names
    assert "tests/release-7.json" in names
    ast.parse((tmp_path / "elsewhere" / "verify.py").read_text(), feature_version=(3, 8))
    page = (tmp_path / "elsewhere" / "index.html").read_text()
    assert "&lt;script&gt;" in page and "<script" not in page
    assert "Annex IV" in page and "LGPD" in page and "a person writes it" in page


def test_what_is_not_there_is_said_and_where_nothing_serves_a_version_is_asked_for(
    stack, capsys, tmp_path
):
    stack.register()
    found = told(
        capsys, "audit", MODEL, "--version", "1", "-o", str(tmp_path / "p.zip"), "--no-pdf"
    )
    assert "never sealed" in found["missing"]["version/seal.json"]
    assert "is not there" in found["missing"]["evaluation/report.html"]
    assert main(["audit", MODEL]) == 2
    assert "nothing of" in capsys.readouterr().err


def test_every_byte_that_is_changed_is_found_and_its_file_is_named(stack, capsys, tmp_path):
    target, _ = pack(stack, capsys, tmp_path)
    folder = unpacked(target, tmp_path / "elsewhere")
    drawn = random.Random(7)
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        whole = path.read_bytes()
        for at in {0, len(whole) - 1, *(drawn.randrange(len(whole)) for _ in range(6))}:
            changed = bytearray(whole)
            changed[at] ^= 1 << drawn.randrange(7)
            path.write_bytes(bytes(changed))
            name = path.relative_to(folder).as_posix()
            assert main(["audit", "--verify", str(folder)]) == 1, (name, at)
            assert name in capsys.readouterr().out
        path.write_bytes(whole)
    assert main(["audit", "--verify", str(folder)]) == 0


def test_an_archive_with_a_flipped_bit_is_changed_or_holds_and_never_a_riddle(
    stack, capsys, tmp_path
):
    target, _ = pack(stack, capsys, tmp_path)
    whole, drawn, ended = target.read_bytes(), random.Random(7), []
    for _ in range(300):
        changed = bytearray(whole)
        changed[drawn.randrange(len(whole))] ^= 1 << drawn.randrange(7)
        target.write_bytes(bytes(changed))
        ended.append(main(["audit", "--verify", str(target)]))
    assert set(ended) <= {0, 1} and ended.count(1) > 200  # a time in the archive is of no file
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        headers = [whole.index(each.filename.encode()) - 30 for each in archive.filelist[:2]]
        headers += [archive.start_dir]
    for at in (header + byte for header in headers for byte in range(46)):
        for bit in range(8):  # of what every reader of archives decides by: one is bzip2's
            changed = bytearray(whole)
            changed[at] ^= 1 << bit
            target.write_bytes(bytes(changed))
            assert main(["audit", "--verify", str(target)]) in (0, 1), (at, bit)


def test_a_place_that_cannot_be_written_is_said(stack, capsys, tmp_path):
    judged(stack)
    for place in (tmp_path, tmp_path / ("x" * 250)):
        assert main(["audit", MODEL, "-o", str(place), "--no-pdf"]) == 2
        assert "with -o" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda folder: (folder / "new.txt").write_text("x"), "new.txt was added"),
        (lambda folder: (folder / "index.html").unlink(), "index.html is missing"),
        (lambda folder: (folder / "manifest.json").unlink(), "manifest.json is missing"),
    ],
)
def test_what_was_added_or_taken_out_is_named(stack, capsys, tmp_path, change, problem):
    target, _ = pack(stack, capsys, tmp_path)
    folder = unpacked(target, tmp_path / "elsewhere")
    change(folder)
    code, shown = verify(folder)
    assert code == 1 and problem in shown


def rewritten(folder: Path, path: str, text: str) -> None:
    """Change a file as a forger does, with its digest in the manifest and the manifest's own."""
    (folder / path).write_text(text)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][path] = hashlib.sha256((folder / path).read_bytes()).hexdigest()
    manifest["digest"] = sealed(manifest)
    (folder / "manifest.json").write_bytes(canonical(manifest) + b"\n")


def test_a_forged_pack_contradicts_its_ledger(stack, capsys, tmp_path):
    target, found = pack(stack, capsys, tmp_path)
    folder = unpacked(target, tmp_path / "elsewhere")
    evaluation = (folder / "evaluation" / "evaluation.json").read_text()
    rewritten(folder, "evaluation/evaluation.json", evaluation.replace("0.71", "0.91"))
    code, shown = verify(folder)
    assert code == 1
    assert "auc is 0.91, and the judge decided upon 0.71" in shown
    rewritten(folder, "evaluation/evaluation.json", evaluation)
    decisions = (folder / "ledger" / "decisions.jsonl").read_text()
    rewritten(folder, "ledger/decisions.jsonl", decisions.replace("0.7100", "0.9100"))
    code, shown = verify(folder)
    assert code == 1 and "was changed after it was written" in shown
    rewritten(folder, "ledger/decisions.jsonl", "".join(decisions.splitlines(keepends=True)[:-1]))
    code, shown = verify(folder)
    assert code == 1 and "is not the one that the ledger's head names" in shown
    assert found["digest"] not in shown


def test_the_first_page_is_printed_where_a_browser_is_found(stack, capsys, tmp_path):
    judged(stack)
    target = tmp_path / "pack.zip"
    found = told(capsys, "audit", MODEL, "-o", str(target))
    names = zipfile.ZipFile(target).namelist()
    if any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))):
        assert "index.pdf" in names and not found["no_pdf"]
        assert zipfile.ZipFile(target).read("index.pdf").startswith(b"%PDF")
    else:
        assert "index.pdf" not in names and "no browser was found" in found["no_pdf"]
    assert "wrote" in said(capsys, "audit", MODEL, "-o", str(target), "--no-pdf")
