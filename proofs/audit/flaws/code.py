"""Flaws of Python, of files and of what is installed."""

import sys
from pathlib import Path

from proofs.audit.flaws import TEMPLATE, Flaw
from proofs.planting import Added, Appended, Code, Plant

_F = "functions/resume_execution.py"
_J = "jobs/everloop_jobs/report.py"
_PICKLE = b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R."  # runs a program when it is read


def _code(name: str, body: str, *, file: str = _F) -> Plant:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return Appended(file, f"\n\ndef {name}(event, context):\n{lines}")


def _broken_environment(root: Path) -> None:
    """Make an environment with one package whose requirement is not there."""
    import venv

    import pip

    home = root / ".venv-flawed"
    venv.create(home, with_pip=False, symlinks=True)
    packages = home / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    (packages / "pip").symlink_to(Path(pip.__file__).parent)
    told = packages / "flawed-1.0.dist-info"
    told.mkdir()
    text = "Metadata-Version: 2.1\nName: flawed\nVersion: 1.0\nRequires-Dist: absent-package>=2\n"
    (told / "METADATA").write_text(text)


FLAWS = (
    # ------------------------------------------------------------ what bandit finds
    Flaw(
        "eval", _code("flaw_eval", 'return eval(event["a"])'), "bandit", "B307", f"{_F}:flaw_eval"
    ),
    Flaw(
        "shell",
        _code("flaw_shell", 'import subprocess\nsubprocess.run(event["a"], shell=True)'),
        *("bandit", "B602", f"{_F}:flaw_shell"),
    ),
    Flaw(
        "archive that writes where it likes",
        _code("flaw_tar", 'import tarfile\ntarfile.open("a.tar").extractall("/tmp/x")', file=_J),
        *("bandit", "B202", f"{_J}:flaw_tar"),
    ),
    # ------------------------------------------------------------ where bandit is blind
    Flaw(
        "error that is taken for success",
        _code("flaw_swallow", 'try:\n    int(event)\nexcept Exception:\n    return {"ok": False}'),
        *("own", "swallowed", f"{_F}:flaw_swallow"),
    ),
    Flaw(
        "clock of its own",
        _code("flaw_clock", "from datetime import UTC, datetime\nreturn datetime.now(UTC)"),
        *("own", "own-clock", f"{_F}:flaw_clock"),
    ),
    Flaw(
        "client that believes anybody",
        _code("flaw_tls", 'import boto3\nreturn boto3.client("s3", verify=False, config=C)'),
        *("own", "tls-off", f"{_F}:flaw_tls"),
    ),
    Flaw(
        "client without limits",
        _code("flaw_client", 'import boto3\nreturn boto3.client("s3")'),
        *("own", "client-without-config", f"{_F}:flaw_client"),
    ),
    Flaw(
        "event in the log",
        _code("flaw_event", 'logger.info("got", event=event)'),
        *("own", "event-logged", f"{_F}:flaw_event"),
    ),
    Flaw(
        "every event in the log, by a decorator",
        Code(
            "on_package_changed",
            "logger.inject_lambda_context",
            "logger.inject_lambda_context(log_event=True)",
        ),
        *("own", "event-logged", "functions/on_package_changed.py:handler"),
    ),
    Flaw(
        "environment in the log",
        _code("flaw_environment", 'import os\nlogger.debug("here", all=dict(os.environ))'),
        *("own", "environment-logged", f"{_F}:flaw_environment"),
    ),
    Flaw(
        "key as a path",
        _code("flaw_path", 'key = event["detail"]["object"]["key"]\nreturn open("/tmp/" + key)'),
        *("own", "key-as-path", f"{_F}:flaw_path"),
    ),
    Flaw(
        "key as a path of a download",
        _code(
            "flaw_download",
            'record = event["s3"]["object"]\ns3.download_file("b", record["key"], f"/data/{record[\'key\']}")',
            file=_J,
        ),
        *("own", "key-as-path", f"{_J}:flaw_download"),
    ),
    Flaw(
        "model that a function unpickles",
        _code("flaw_joblib", 'import joblib\nreturn joblib.load(event["a"])'),
        *("own", "unpickled", f"{_F}:flaw_joblib"),
    ),
    Flaw(
        "comment that has bandit look away",
        Appended("functions/reconcile.py", "\n\nDONE = True  # no" + "sec\n"),
        *("own", "silenced", "functions/reconcile.py"),
    ),
    Flaw(
        "endpoint config without KMS",
        Code("pipelines.rollouts", 'config["KmsKeyId"] = kms_key'),
        *(
            "own",
            "volume-unencrypted",
            "layers/core/everloop/pipelines/rollouts.py:endpoint_config",
        ),
    ),
    # ------------------------------------------------------------ files
    Flaw(
        "comment that has an auditor look away",
        Appended(TEMPLATE, "# checkov:" + "skip=CKV_AWS_1:quiet\n"),
        *("own", "silenced", "template.yaml"),
    ),
    Flaw(
        "pickle in the repository",
        Added("models/flight-delays/scaler.bin", _PICKLE),
        *("own", "pickle-shipped", "models/flight-delays/scaler.bin"),
    ),
    Flaw(
        "access key in the code",
        Appended("functions/plan_release.py", '\n\nKEY = "AKIA' + 'Q3EXAMPLE7ABCDEF"\n'),
        *("secrets", "AWS Access Key", "functions/plan_release.py"),
    ),
    Flaw(
        "private key in a test",
        Added(
            "tests/functions/key.pem",
            b"-----BEGIN RSA %s KEY-----\nMIIEpAIBAAKCAQEA\n" % b"PRIVATE",
        ),
        *("secrets", "Private Key", "tests/functions/key.pem"),
    ),
    Flaw(
        "password in the code",
        Appended("layers/core/everloop/names.py", '\n\npassword = "c0rrect' + '-h0rse-battery"\n'),
        *("secrets", "Secret Keyword", "layers/core/everloop/names.py"),
    ),
    # ------------------------------------------------------------ what is installed
    Flaw(
        "requirement without a version",
        Appended("requirements/run.txt", "left-to-chance>=1\n"),
        *("dependencies", "unpinned", "requirements/run.txt left-to-chance>=1"),
    ),
    Flaw(
        "requirement that nobody compiled",
        Appended("requirements/dev.in", "forgotten\n"),
        *("dependencies", "not-compiled", "requirements/dev.in forgotten"),
    ),
    Flaw(
        "environment whose packages do not fit",
        _broken_environment,
        *("dependencies", "pip-check", ".venv-flawed flawed"),
    ),
)
