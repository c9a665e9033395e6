"""A call of moto's DynamoDB without the web request that moto reads each call from.

Its requests are all alike: JSON by POST to one path. Building a request for them, and looking in it
for forms, files and query strings, was a quarter of what a call cost. Its answers are JSON already,
but for bytes and times: to look up each value of each item in the model was another quarter.
"""

import json
from typing import Any

from botocore.compat import HTTPHeaders
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.responses import ActionResult
from moto.core.utils import get_service_model
from moto.dynamodb.responses import DynamoHandler
from moto.iam.models import mark_account_as_visited
from moto.utilities.utils import get_partition
from werkzeug.datastructures import Headers, MultiDict

from everloop_localcloud.behind.transactions import announced

_PARSER = PROTOCOL_PARSERS["json"]
_CONTENT = "application/x-amz-json-1.0"


class DirectHandler(DynamoHandler):
    """What moto sets up from a request, set up from what is known of it."""

    def __init__(self, account: str, region: str, headers: HTTPHeaders, body: bytes) -> None:
        super().__init__()
        self.current_account = account
        self.region = region
        self.partition = get_partition(region)
        self.headers = headers
        self.querystring = self.data = {}
        self.uri_match = {}
        self.response_headers = {}
        self._model = get_service_model("dynamodb").operation_model(self._get_action())
        self.params = _PARSER(self._model, map_type=self.PROTOCOL_PARSER_MAP_TYPE).parse(
            {
                "method": "POST",
                "values": MultiDict(),
                "headers": Headers(headers.items()),
                "body": body,
                "url_path": "/",
                "url_params": {},
            }
        )
        self.access_key = self.get_access_key()
        mark_account_as_visited(
            account_id=account, access_key=self.access_key, service="dynamodb", region=region
        )

    @property
    def operation(self) -> str:
        return str(self._model.name)

    def answer(self) -> tuple[Any, dict[str, Any], Any]:
        found: tuple[Any, dict[str, Any], Any] = self.call_action()
        return found

    def serialized(self, action_result: ActionResult) -> Any:
        found, shape = action_result.result, self._model.output_shape
        if type(found) is not dict or shape is None:
            return super().serialized(action_result)
        told = {name: found[name] for name in shape.members if found.get(name) is not None}
        try:
            body = json.dumps(told)
        except TypeError:  # bytes or times, which the model says how to write
            return super().serialized(action_result)
        return 200, {"Content-Type": _CONTENT, **self.response_headers}, body


def answered(
    account: str, region: str, headers: HTTPHeaders, body: bytes
) -> tuple[Any, dict[str, Any], Any]:
    """Return status, headers and body of moto's answer."""
    handler = DirectHandler(account, region, headers, body)
    if handler.operation != "TransactWriteItems":
        return handler.answer()
    with announced(account, region, body):
        return handler.answer()
