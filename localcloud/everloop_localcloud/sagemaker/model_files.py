"""Archives from S3, fetched as an endpoint's role and unpacked without leaving their folder."""

import tarfile
from pathlib import Path
from typing import Any

from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import AwsError


class NotFetched(Exception):
    """An archive is not there, or is none; the text says which, in AWS's words."""


def unpack(cloud: Account, url: str, target: Path, role_arn: str | None) -> None:
    """Fetch a tar.gz and unpack it into a folder. Raises NotFetched."""
    target.mkdir(parents=True, exist_ok=True)
    archive = target.parent / f"{target.name}.tar.gz"
    try:
        _fetch(cloud, url, archive, role_arn)
        with tarfile.open(archive) as opened:
            _extract(opened, target)
    except AwsError as error:
        raise NotFetched(
            f'Failed to download model data from URL: "{url}". Please ensure that there is an'
            " object located at the URL and that the role passed to CreateModel has permissions"
            f" to download the object ({error})."
        ) from error
    except (tarfile.TarError, EOFError, OSError) as error:
        raise NotFetched(
            f'Failed to extract model data archive from URL "{url}". Please ensure that the object'
            f" located at the URL is a valid tar.gz archive ({error})."
        ) from error
    finally:
        archive.unlink(missing_ok=True)


def _fetch(cloud: Account, url: str, path: Path, role_arn: str | None) -> None:
    bucket, _, key = url.removeprefix("s3://").partition("/")
    wanted = {"Bucket": bucket, "Key": key}
    found: Any = cloud.call("s3", "GetObject", wanted, role_arn=role_arn)["Body"]
    with found as body, path.open("wb") as file:
        for piece in body:
            file.write(piece)


def _extract(archive: tarfile.TarFile, target: Path) -> None:
    """Unpack; what would land elsewhere is refused."""
    if hasattr(tarfile, "data_filter"):
        archive.extractall(target, filter="data")
        return
    home = target.resolve()  # Python before 3.11.4, as Debian 12 has it
    for member in archive:
        inside = (home / member.name).resolve().is_relative_to(home)
        if not inside or not (member.isfile() or member.isdir()):
            raise tarfile.ReadError(f"{member.name!r} is no plain file inside the archive")
        archive.extract(member, target, set_attrs=False)
