"""moto's backends and what calls them: imported when first needed, changed where they must be."""

import importlib
import logging
from collections.abc import Callable
from functools import cache
from typing import Any

from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from moto.core.utils import camelcase_to_underscores
from werkzeug.exceptions import HTTPException

from everloop_localcloud.kernel import reading, wire
from everloop_localcloud.kernel.api import TOKENS
from everloop_localcloud.kernel.errors import AwsError

log = logging.getLogger(__name__)

# They would change items, or make keys, that a restart could not bring back.
_REFUSED = {
    *("dynamodb:ExecuteTransaction", "dynamodb:BatchExecuteStatement", "dynamodb:ImportTable"),
    *("dynamodb:ExecuteStatement", "dynamodb:RestoreTableFromBackup", "dynamodb:CreateBackup"),
    *("dynamodb:RestoreTableToPointInTime", "kms:ImportKeyMaterial", "kms:RotateKeyOnDemand"),
}


@cache
def answers(service: str) -> frozenset[str]:
    """Return the operations that moto has and that a restart would not undo."""
    names = wire.service_model(service).operation_names
    has = dir(_responses(service))
    return frozenset(
        name
        for name in names
        if camelcase_to_underscores(name) in has and f"{service}:{name}" not in _REFUSED
    )


@cache
def unread(service: str, operation: str) -> frozenset[str]:
    """Return the parameters of an operation that moto's code never reads."""
    shape = wire.service_model(service).operation_model(operation).input_shape
    members = frozenset(shape.members if shape is not None else ())
    return members - reading.texts_in(f"moto.{service}.responses") - TOKENS


def dispatch(
    account: str,
    service: str,
    region: str,
    headers: dict[str, str],
    body: bytes,
    seed: int | None = None,
) -> tuple[int, dict[str, str], bytes]:
    """Have moto answer; `seed` makes the ids and secrets that it invents repeatable."""
    from moto.moto_api._internal import mock_random

    called = handler(service)
    if seed is not None:
        mock_random.seed(seed)
    kept = HTTPHeaders.from_pairs((n, v) for n, v in headers.items() if n.lower() != "host")
    del kept["x-moto-account-id"]
    kept["x-moto-account-id"] = account
    try:
        if service == "dynamodb":
            status, told, answer = quick()(account, region, kept, body)
        else:
            status, told, answer = _requested(called, service, region, kept, body)
    except HTTPException as error:
        status, told, answer = error.code or 400, dict(error.get_headers()), error.get_body()
    except NotImplementedError as error:
        trouble = f"the local cloud does not answer {service}: {error}"
        raise AwsError("NotImplemented", trouble, 501) from error
    except Exception as error:
        # The request has the shape that it should have: moto did not think of this one.
        log.exception("%s failed", service)
        trouble = f"the local cloud's {service} cannot do this: {type(error).__name__}: {error}"
        raise AwsError("NotImplemented", trouble, 501) from error
    data = answer.encode() if isinstance(answer, str) else bytes(answer)
    ours = {"date", "server", "content-length"}  # the front writes these
    plain = {name: str(value) for name, value in told.items() if name.lower() not in ours}
    return int(status), plain, data


@cache
def _responses(service: str) -> type:
    from moto.core.responses import BaseResponse

    module = importlib.import_module(f"moto.{service}.responses")
    found: type = next(
        one
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, BaseResponse) and one is not BaseResponse
    )
    return found


class _Untracked(list[Any]):
    def append(self, _: Any) -> None:
        """Let go of what moto would keep for ever: each record ever made, for a page of its own."""


def track_nothing(service: str) -> None:
    from moto.core.model_instances import model_data

    for model in model_data[service].values():
        model.instances_tracked = _Untracked()  # type: ignore[attr-defined]


@cache
def handler(service: str) -> Any:
    found = next(iter(importlib.import_module(f"moto.{service}.urls").url_paths.values()))
    track_nothing(service)
    if service == "iam":
        from everloop_localcloud.behind import policies

        policies.install()
    return found


def _requested(
    called: Any, service: str, region: str, headers: HTTPHeaders, body: bytes
) -> tuple[Any, dict[str, Any], Any]:
    """Return status, headers and body of moto's answer to a web request."""
    from moto.core.request import normalize_request

    host = "iam.amazonaws.com" if service == "iam" else f"{service}.{region}.amazonaws.com"
    prepared = AWSPreparedRequest("POST", f"https://{host}/", headers, body, False)
    request = normalize_request(prepared)
    found: tuple[Any, dict[str, Any], Any] = called(request, request.raw_url, request.headers)
    return found


@cache
def quick() -> Callable[..., tuple[Any, dict[str, Any], Any]]:
    """Return how moto's DynamoDB is called, made quick; here, because it takes long to import."""
    from everloop_localcloud.behind import direct, tables

    tables.install()
    return direct.answered


def backend(service: str) -> Any:
    from moto.backends import get_backend

    return get_backend(service)  # type: ignore[call-overload,unused-ignore]


def key_material(account: str, region: str) -> dict[str, bytes]:
    """Return the material of the keys: the one thing that no seed repeats."""
    keys = backend("kms")[account][region].keys
    return {key_id: bytes(key.key_material) for key_id, key in keys.items()}


def restore_material(account: str, region: str, material: dict[str, bytes]) -> None:
    keys = backend("kms")[account][region].keys
    for key_id, secret in material.items():
        keys[key_id].key_material = secret
