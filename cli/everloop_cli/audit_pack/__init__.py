"""Audit packs: one file with all that is known of a version, which anybody can verify offline."""

import hashlib
import io
import os
import shutil
import subprocess
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Final

from everloop.moments import text
from everloop.names import canonical
from everloop.reading.evidence import Evidence
from everloop_cli import card
from everloop_cli.audit_pack import page
from everloop_cli.audit_pack.verify import MANIFEST, Read, notes_of, problems_of, sealed
from everloop_cli.trouble import Trouble

_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the same files make the same archive


def written(found: Evidence, target: Path, *, pdf: bool) -> tuple[str, str]:
    """Write a pack; return its digest, and why it has no PDF (empty where it has one)."""
    made_at = text(datetime.now(UTC))
    contents = dict(found.files)
    contents["card.html"] = card.written(found, links=contents).encode()
    contents["verify.py"] = files(__package__).joinpath("verify.py").read_bytes()
    digests = {path: hashlib.sha256(data).hexdigest() for path, data in contents.items()}
    contents["index.html"] = page.index(found.story, made_at, digests, found.missing).encode()
    lacks = ""
    if pdf:
        printed, lacks = _printed(contents["index.html"])
        if printed is not None:
            contents["index.pdf"] = printed
    version = found.story.version
    assert version is not None
    manifest = {
        "pack": 1,
        "model": found.story.model,
        "version": version.version,
        "made_at": made_at,
        "files": {path: hashlib.sha256(data).hexdigest() for path, data in contents.items()},
        "missing": dict(found.missing),
    }
    manifest["digest"] = sealed(manifest)
    _archive({**contents, MANIFEST: canonical(manifest) + b"\n"}, target)
    return str(manifest["digest"]), lacks


def _archive(contents: Mapping[str, bytes], target: Path) -> None:
    """Write the archive beside its place, and move it there: nobody finds half of one."""
    if target.is_dir():
        raise Trouble(f"{target} is a folder; name a file with -o")
    made = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(contents):
                entry = zipfile.ZipInfo(path, _EPOCH)
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, contents[path], zipfile.ZIP_DEFLATED)
        made.replace(target)
    except OSError as error:
        raise Trouble(f"{target}: {error.strerror}; name another with -o") from error
    finally:
        with suppress(OSError):
            made.unlink(missing_ok=True)


def verified(pack: Path) -> list[str]:
    """Return what is wrong with a pack, an archive or the folder of one. Raises Trouble."""
    return _read(pack, problems_of)


def notes(pack: Path) -> list[str]:
    """Return what is worth knowing of a pack that holds. Raises Trouble."""
    return _read(pack, notes_of)


def _read(pack: Path, look: Callable[[Read, Collection[str]], list[str]]) -> list[str]:
    try:
        if pack.is_dir():
            there = [str(p.relative_to(pack).as_posix()) for p in pack.rglob("*") if p.is_file()]
            there = [path for path in there if "__pycache__" not in path]
            return look(lambda path: (pack / path).read_bytes(), there)
        return _unpacked(pack.read_bytes(), look)
    except FileNotFoundError:
        raise Trouble(f"{pack}: there is no such pack") from None
    except OSError as error:
        raise Trouble(f"{pack} cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        return [f"{pack.name} was changed: {error}"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return [f"{pack.name} is no pack of Everloop, or was changed: {error}"]


def _unpacked(whole: bytes, look: Callable[[Read, Collection[str]], list[str]]) -> list[str]:
    """Look at an archive in memory, where no error of a disk is taken for a change of it."""
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        for each in archive.filelist:
            # One bit makes it bzip2's, and each kind has errors of its own (bzip2's are OSErrors).
            if each.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise zipfile.BadZipFile(f"{each.filename} is not compressed as packs are")
        return look(archive.read, archive.namelist())


def _printed(index: bytes) -> tuple[bytes | None, str]:
    """Return the first page as a PDF, where a browser is found; else why there is none."""
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        return None, f"no browser was found that prints one ({', '.join(_BROWSERS)})"
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "index.html", Path(folder) / "index.pdf"
        source.write_bytes(index)
        command = [browser, "--headless", "--disable-gpu", f"--user-data-dir={folder}/profile"]
        # The sandbox does not start as root; the page is ours, and loads nothing.
        command += ["--no-sandbox"] if os.geteuid() == 0 else []
        command += ["--no-pdf-header-footer", f"--print-to-pdf={target}", source.as_uri()]
        try:
            done = subprocess.run(command, capture_output=True, timeout=60, check=False)
        except subprocess.TimeoutExpired:
            return None, f"{browser} did not print it in a minute"
        if not target.exists():
            last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
            return None, f"{browser} did not print it: {' '.join(last)[:200]}"
        return target.read_bytes(), ""
