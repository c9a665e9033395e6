"""Names of functions and layers, in the many ways that Lambda takes them."""

import re

from everloop_localcloud.kernel.errors import AwsError

LATEST = "$LATEST"
_FUNCTION = re.compile(
    r"^(?:arn:aws[^:]*:lambda:(?P<region>[a-z0-9-]+):(?P<owner>\d{12}):function:"
    r"|(?P<account>\d{12}):function:|function:)?"
    r"(?P<name>[a-zA-Z0-9-_]+)(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9-_]+))?$"
)
_LAYER_VERSION = re.compile(r"^(?P<layer>arn:aws[^:]*:lambda:[^:]+:\d{12}:layer:[^:]+):(?P<n>\d+)$")


def function_name(given: str, qualifier: str | None = None) -> str:
    """Return the name in `FunctionName`: a name, an ARN, or a part of one.

    Raises AwsError for a version or alias other than $LATEST, which this cloud does not keep.
    """
    found = _FUNCTION.match(given)
    if found is None:
        raise AwsError("ValidationException", f"FunctionName {given!r} is no name or ARN")
    wanted = qualifier or found["qualifier"]
    if wanted not in (None, LATEST):
        raise AwsError(
            "ResourceNotFoundException",
            f"the local cloud keeps only {LATEST} of a function, not {wanted!r} of {found['name']}",
            404,
        )
    return found["name"]


def layer_name(given: str) -> str:
    return given.rpartition(":layer:")[2] if given.startswith("arn:") else given


def layer_version(arn: str) -> tuple[str, int]:
    """Return the name and number in a layer version's ARN."""
    found = _LAYER_VERSION.match(arn)
    if found is None:
        raise AwsError("InvalidParameterValueException", f"{arn!r} is no layer version's ARN")
    return layer_name(found["layer"]), int(found["n"])
