"""Jobs in containers, where a Docker engine runs: the image itself instead of its stand-in."""

import os
import shutil
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from everloop_localcloud.kernel.errors import validation

_LABEL = "everloop.cloud"
_SECONDS = 60  # for one answer of the engine
# The job's process is the image's; these would point into this machine's file system.
_OURS = ("PATH", "HOME")


class NoEngine(Exception):
    """No Docker engine answers; the text says what was tried and what to do."""


class Engine:
    """Runs jobs as containers; those that a cloud left behind are removed by its next start."""

    def __init__(self, folder: Path) -> None:
        self._label = f"{_LABEL}={folder.resolve()}"
        found = shutil.which("docker")
        if found is None:
            raise NoEngine("there is no docker program: install one, or leave --jobs docker out")
        self._docker = found
        said = self._ask("version", "--format", "{{.Server.Version}}")
        if said.returncode:
            why = (said.stderr or said.stdout).strip().rstrip(".?")
            raise NoEngine(
                f"no Docker engine answers: {why}. Start one, set DOCKER_HOST, or leave --jobs "
                "docker out"
            )

    def check(self, image: str) -> None:
        """Raise AwsError where the engine has no such image. Nothing is pulled."""
        if self._ask("image", "inspect", image).returncode:
            raise validation(
                f"image {image} is not in the Docker engine: docker pull it, or build it under "
                "that name"
            )

    def command(
        self,
        folder: Path,
        image: str,
        entrypoint: Sequence[str],
        arguments: Sequence[str],
        env: Mapping[str, str],
    ) -> tuple[list[str], dict[str, str], str]:
        """Return command line, its environment, and the container's name.

        The container shares this machine's network, so that it reaches the cloud on loopback.
        Values travel in the environment, where other users do not see them.
        """
        name = f"everloop-{uuid.uuid4().hex[:12]}"
        told = {key: value for key, value in env.items() if key not in _OURS}
        words = [self._docker, "run", "--rm", "--name", name, "--label", self._label]
        words += ["--network", "host", "--user", f"{os.getuid()}:{os.getgid()}"]
        words += ["--volume", f"{folder}:/opt/ml", "--env", "HOME=/tmp"]
        for key in told:
            words += ["--env", key]
        if entrypoint:
            words += ["--entrypoint", entrypoint[0]]
        return [*words, image, *entrypoint[1:], *arguments], {**self._own(), **told}, name

    def remove(self, name: str) -> None:
        """Remove a container, running or not; it may be gone already."""
        self._ask("rm", "--force", name)

    def clear(self) -> None:
        """Remove what a cloud on this folder left behind."""
        found = self._ask("ps", "--all", "--quiet", "--filter", f"label={self._label}")
        for identifier in found.stdout.split():
            self.remove(identifier)

    def _ask(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [self._docker, *words],
            env=self._own(),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )

    def _own(self) -> dict[str, str]:
        kept = ("PATH", "HOME", "XDG_RUNTIME_DIR")
        return {
            name: value
            for name, value in os.environ.items()
            if name in kept or name.startswith("DOCKER_")
        }
