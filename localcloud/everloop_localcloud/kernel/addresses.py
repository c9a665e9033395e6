"""Which bucket and key a request is addressed to: by its path, or by the host's name."""

import urllib.parse

from everloop_localcloud.kernel.messages import Request


def addressed(request: Request) -> tuple[str, str]:
    """Return bucket and key of a request, path style or virtual-host style; "" for none."""
    path = request.raw_path.removeprefix("/")
    bucket = _bucket_of_host(request.host)
    if not bucket:
        bucket, _, path = path.partition("/")
    return urllib.parse.unquote(bucket), urllib.parse.unquote(path)


def _bucket_of_host(host: str) -> str:
    name = host.rpartition(":")[0] if ":" in host else host
    for end in (".localhost", ".amazonaws.com"):
        if name.endswith(end):
            labels = name.removesuffix(end)
            if labels == "s3" or labels.startswith(("s3.", "s3-")):
                return ""
            return labels.partition(".s3")[0] if ".s3" in labels else labels
    return ""
