"""Archives from S3, fetched as an endpoint's role and unpacked without leaving their folder."""

import re
import tarfile
import urllib.parse
from pathlib import Path
from typing import Any

from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import AwsError

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
_HOSTED = re.compile(r"(?P<bucket>.+)\.s3[.-]?(?:[a-z0-9-]+\.)?amazonaws\.com(?:\.cn)?")
_BY_PATH = re.compile(r"s3[.-]?(?:[a-z0-9-]+\.)?amazonaws\.com(?:\.cn)?")


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


def place(url: str) -> tuple[str, str]:
    """Return bucket and key of an object's address, s3:// or https://. Raises ValueError."""
    parts = urllib.parse.urlsplit(url)
    path = parts.path.lstrip("/")
    bucket, key = "", ""
    if parts.scheme == "s3":
        bucket, key = url.removeprefix("s3://").partition("/")[::2]
    elif parts.scheme == "https" and _BY_PATH.fullmatch(parts.netloc):
        bucket, key = urllib.parse.unquote(path).partition("/")[::2]
    elif parts.scheme == "https" and (hosted := _HOSTED.fullmatch(parts.netloc)):
        bucket, key = hosted["bucket"], urllib.parse.unquote(path)
    if not bucket or not key:
        raise ValueError(f"{url!r} is no address of an object: s3://bucket/key")
    return bucket, key


def _fetch(cloud: Account, url: str, path: Path, role_arn: str | None) -> None:
    bucket, key = place(url)
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
