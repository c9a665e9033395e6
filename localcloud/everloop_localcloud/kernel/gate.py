"""The gate: who may come in at all. Clients of this machine may, web pages may not.

A browser on this machine sends to 127.0.0.1 whatever any page tells it to, and with DNS rebinding
it even reads the answers: the page's own name points here then. What it cannot do is leave its
marks out: the name that the page used (Host), the page's origin (Origin, always beside a POST), and
how the page is related to us (Sec-Fetch-Site).
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping

from everloop_localcloud.kernel.errors import AwsError

# What clients put before the host's name for some operations, per botocore's models.
HOST_PREFIXES = ("sync-", "stream-", "streaming-")
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.(?!-)[a-z0-9_-]{1,63})*").fullmatch
_OWN = ("same-origin", "none")  # a page of ours, and the browser's address line


class Refused(AwsError):
    """The answer to what is no client of this machine."""

    def __init__(self, message: str) -> None:
        super().__init__("AccessDenied", message, 403)


def host_name(text: str) -> str:
    """Return a name or an address as `--allow-host` takes it. Raises ValueError."""
    name = text.strip().lower().strip("[]").rstrip(".")
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        pass
    if not _NAME(name):
        raise ValueError(
            f"{text!r} is no name of a host: give a name or an address, such as "
            "host.docker.internal or 172.17.0.1, without scheme, port and *"
        )
    return name


class Gate:
    """Knows the names under which this cloud may be called: loopback's, and those given."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = {"localhost", *(host_name(name) for name in allowed)}

    def check_host(self, host: str) -> None:
        """Raise Refused where a request was meant for another host than this one.

        A request without the header is no browser's.
        """
        if host and not self._is_here(_without_port(host)):
            raise Refused(
                f"This cloud is not {host[:100]!r}: it answers to localhost, 127.0.0.1 and [::1]. "
                "Start it with  --allow-host NAME  where clients must call it by another name."
            )

    def _is_here(self, name: str) -> bool:
        if self._is_named(name):
            return True
        return any(
            name.startswith(prefix) and self._is_named(name.removeprefix(prefix))
            for prefix in HOST_PREFIXES
        )

    def _is_named(self, name: str) -> bool:
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            # bucket.localhost and s3.localhost: below a name that is ours nobody else has names.
            return any(name == own or name.endswith(f".{own}") for own in self._names)
        mapped = getattr(address, "ipv4_mapped", None) or address
        return mapped.is_loopback or str(address) in self._allowed

    @property
    def _names(self) -> list[str]:
        return [name for name in self._allowed if not name[0].isdigit() and ":" not in name]


def _without_port(host: str) -> str:
    """Return the name in a Host header; what is no such header stays what it is."""
    name, bracket, rest = host.strip().lower().partition("]")
    if bracket:
        return name[1:] if name.startswith("[") and re.fullmatch(r"(:\d*)?", rest) else host
    name, colon, port = name.partition(":")
    if colon and port and not port.isdigit():
        return host
    return name.removesuffix(".")


def page_of(headers: Mapping[str, str], host: str) -> str | None:
    """Return the origin of the web page that sent a request, "" where it hides it.

    None for a client's request, and for a page that came from here.
    """
    origin = headers.get("Origin")
    if origin is not None and origin.lower() != f"http://{host.lower()}":
        return origin
    site = headers.get("Sec-Fetch-Site")
    return None if site is None or site.lower() in _OWN else ""


def foreign(page: str) -> Refused:
    """Return the answer to a web page that nobody let in."""
    named = f"the web page {page[:200]!r}" if page else "another web page"
    return Refused(
        f"The request comes from {named}, and this cloud takes requests from programs. A bucket's "
        "CORS rules may let a page in; a link to an object opens in the browser's address line."
    )
