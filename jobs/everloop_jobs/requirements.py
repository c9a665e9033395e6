"""The packages that a model's requirements.txt asks for, beside those that the image has.

They are put into a folder of the model's own: two versions that are scored in one job may ask for
different ones, and the job's own scripts see neither.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from container import JobError, run_script

NAME = "requirements.txt"
_PIP = [sys.executable, "-m", "pip", "install", "--quiet"]
_WORDLESS = {
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
}


def installed(code: Path, whose: str = "model") -> Mapping[str, str]:
    """Install what the code asks for and the image lacks; return the environment that sees it.

    What is missing is what pip would install to train with. It lies beside the code, and whoever
    asks again finds it there. Raises JobError.
    """
    if not (code / NAME).is_file():
        return {}
    folder = code.with_name(f"{code.name}-packages")
    if not folder.exists():
        _install(code, folder, whose)
    if not any(folder.iterdir()):
        return {}
    before = os.environ.get("PYTHONPATH")  # an empty part would mean the working folder
    return {"PYTHONPATH": os.pathsep.join([str(folder), *([before] if before else [])])}


def _install(code: Path, folder: Path, whose: str) -> None:
    report = folder.with_suffix(".json")
    _pip(["--dry-run", "--report", str(report), "-r", NAME], code, whose)
    missing = [_source(each) for each in json.loads(report.read_text())["install"]]
    if missing:
        _pip(["--no-deps", "--target", str(folder), *missing], code, whose)
    folder.mkdir(exist_ok=True)


def _source(found: Mapping[str, Any]) -> str:
    """Return where pip found a package, in a form in which pip takes it."""
    where = found["download_info"]
    url = str(where["url"])
    if "vcs_info" in where:
        return f"{where['vcs_info']['vcs']}+{url}@{where['vcs_info']['commit_id']}"
    return f"{found['metadata']['name']} @ {url}"


def _pip(words: list[str], code: Path, whose: str) -> None:
    failed, last = run_script([*_PIP, *words], code, _WORDLESS)
    if failed:
        raise JobError(f"{NAME} of the {whose} cannot be installed: {last}")
