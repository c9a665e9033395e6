"""A job's container without a container engine: a folder that the process sees as /opt/ml.

In a mount namespace of its own (as root, or in a user namespace) the folder is bound to /opt/ml, so
hard-coded paths hold. Where the kernel refuses namespaces, `/opt/ml` is rewritten in arguments,
environment and copies of scripts. Nothing is ever left in the machine's own /opt.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

_BIND = """
job=$1; shift
mkdir -p "$job/.opt"
mount --rbind /opt "$job/.opt"
mount -t tmpfs none /opt
for entry in "$job"/.opt/*; do
    [ -d "$entry" ] || continue
    mkdir "/opt/${entry##*/}"
    mount --rbind "$entry" "/opt/${entry##*/}"
done
mkdir -p /opt/ml
mount --rbind "$job" /opt/ml
[ ! -f "$job/.hosts" ] || mount --bind "$job/.hosts" /etc/hosts
exec "$@"
"""
_SCRIPTS = (".py", ".sh", ".json", ".toml", ".yaml", ".yml")


@cache
def namespace() -> tuple[str, ...] | None:
    """Return the `unshare` command that works here; None where the kernel allows none."""
    unshare = shutil.which("unshare")
    if unshare is None or not Path("/opt").is_dir():
        return None
    options = [("-m",)] if os.geteuid() == 0 else []
    for option in [*options, ("-U", "-r", "-m")]:
        with tempfile.TemporaryDirectory() as folder:
            probe = [unshare, *option, "sh", "-ec", _BIND, "sh", folder, "true"]
            if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
                return (unshare, *option)
    return None


def hosts(job: Path, count: int = 1) -> list[str]:
    """Return the names of a job's machines, and let them resolve there. AWS's are algo-1, algo-2.

    Each has an address of its own, so that one may listen on the port of another. Where the kernel
    refuses namespaces there is localhost alone: a toolkit waits up to 15 minutes for a name that
    does not resolve.
    """
    if namespace() is None:
        return ["localhost"]
    names = [host_name(number) for number in range(count)]
    lines = [f"127.0.0.{number} {name}" for number, name in enumerate(names, 1)]
    (job / ".hosts").write_text("\n".join(["127.0.0.1 localhost", "::1 localhost", *lines, ""]))
    return names


def host_name(number: int) -> str:
    """Return what AWS calls a machine of a job, counted from 0."""
    return f"algo-{number + 1}"


def command(
    job: Path, words: Sequence[str], env: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """Return command line and environment that run `words` with the job's folder as /opt/ml."""
    inside = namespace()
    if inside is not None:
        return [*inside, "sh", "-ec", _BIND, "sh", str(job), *words], dict(env)
    here = str(job)
    for path in job.rglob("*"):
        if path.is_file() and path.suffix in _SCRIPTS and not path.is_symlink():
            text = path.read_text(errors="surrogateescape")
            if "/opt/ml" in text:
                path.write_text(text.replace("/opt/ml", here), errors="surrogateescape")
    # AWS's toolkits make up a folder of their own where there is no /opt/ml, unless they are told.
    told = {"SAGEMAKER_BASE_DIR": "/opt/ml", **env}
    return (
        [word.replace("/opt/ml", here) for word in words],
        {name: value.replace("/opt/ml", here) for name, value in told.items()},
    )
