"""A script's handlers, answered for as the scikit-learn and XGBoost containers of AWS do.

They have sagemaker-containers around a script, with Flask: whatever a handler raises is a server
error, a request is text only where its type is exactly CSV's or JSON's, and an answer without a
type is HTML. tests/localcloud/sagemaker/container_answers has what that code itself answered. This
runs beside the script, so it needs no more than the image has.
"""

import csv
import importlib
import io
import json
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
from sagemaker_inference import environment

_JSON, _CSV, _NPY, _HTML = "application/json", "text/csv", "application/x-npy", "text/html"
_TEXTS = (_JSON, _CSV)
# Whose charset Werkzeug tells beside that of text/* and *+xml.
_CHARSET = {"xml", "xml-dtd", "xml-external-parsed-entity", "javascript", "ecmascript", "sql"}
_FAULT = (
    "<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>\n"
    "<h1>Internal Server Error</h1>\n<p>The server encountered an internal error and was unable to"
    " complete your request. Either the server is overloaded or there is an error in the"
    " application.</p>\n"
)


class ScriptHandlers:
    """What a script's module has of handlers, and the container's own for the rest."""

    def __init__(self) -> None:
        self._model: Any = None
        self._transform: Callable[..., Any] = self._three_steps
        self._input: Callable[..., Any] = decoded
        self._predict: Callable[..., Any] = _predicted
        self._output: Callable[..., Any] = _typed

    def validate_and_initialize(self, model_dir: str, context: Any = None) -> None:
        """Import the script and load its model. Raises what the script raises."""
        self.use(importlib.import_module(environment.Environment().module_name), model_dir)

    def use(self, script: Any, model_dir: str) -> None:
        """Take the handlers of a module. Raises NotImplementedError, ValueError."""
        own = ("input_fn", "predict_fn", "output_fn")
        given = {name: getattr(script, name) for name in own if hasattr(script, name)}
        if hasattr(script, "transform_fn"):
            if given:
                raise ValueError(
                    "Cannot use transform_fn implementation with input_fn, predict_fn, and/or"
                    " output_fn"
                )
            self._transform = script.transform_fn
        self._input = given.get("input_fn", decoded)
        self._predict = given.get("predict_fn", _predicted)
        self._output = given.get("output_fn", _typed)
        if not hasattr(script, "model_fn"):
            raise NotImplementedError(
                "Please provide a model_fn implementation. See documentation for model_fn at"
                " https://github.com/aws/sagemaker-python-sdk"
            )
        self._model = script.model_fn(model_dir)

    def transform(self, data: list[dict[str, Any]], context: Any) -> list[str | bytes]:
        """Answer a request; `context` gets status and content type."""
        sent = context.get_request_properties()
        content_type = sent.get("Content-Type") or _JSON
        accept = sent.get("Accept") or "*/*"
        if accept == "*/*":
            accept = environment.Environment().default_accept
        body = data[0]["body"]
        try:
            given = bytes(body).decode() if content_type in _TEXTS else bytes(body)
            answer, told = _written(self._transform(self._model, given, content_type, accept))
        except Exception:
            traceback.print_exc()
            context.set_response_status(500)
            answer, told = _FAULT, _HTML
        context.set_response_content_type(0, _with_charset(told))
        return [answer]

    def _three_steps(self, model: Any, body: Any, content_type: str, accept: str) -> Any:
        return self._output(self._predict(self._input(body, content_type), model), accept)


def decoded(body: Any, content_type: str) -> Any:
    """Return the container's own reading of a request. Raises ValueError."""
    if content_type == _NPY:
        return np.load(io.BytesIO(body), allow_pickle=True)
    if content_type == _CSV:
        rows = list(csv.reader(io.StringIO(body), strict=True))
        return np.array(rows).squeeze().astype(float).astype(np.float32)
    if content_type == _JSON:
        return np.array(json.loads(body)).astype(np.float32)
    raise ValueError(f"Content type {content_type} is not supported by this framework.")


def encoded(prediction: Any, accept: str) -> str | bytes:
    """Return the container's own writing of an answer. Raises ValueError."""
    if accept == _NPY:
        buffer = io.BytesIO()
        np.save(buffer, prediction)
        return buffer.getvalue()
    if accept == _CSV:
        array = np.array(prediction)
        text = io.StringIO()
        rows = array.reshape(-1, 1) if array.ndim == 1 else array
        csv.writer(text, lineterminator="\n", strict=True).writerows(rows)
        return text.getvalue()
    if accept == _JSON:
        return json.dumps(prediction, default=lambda array: array.tolist())
    raise ValueError(f"Content type {accept} is not supported by this framework.")


def _predicted(data: Any, model: Any) -> Any:
    return model.predict(data)


def _typed(prediction: Any, accept: str) -> tuple[str | bytes, str]:
    return encoded(prediction, accept), accept


def _written(result: Any) -> tuple[str | bytes, str]:
    """Return body and type of what a script returned. Raises TypeError for what is no answer."""
    if isinstance(result, tuple):
        body, kind = result[0], result[1]
        if isinstance(body, bytearray):
            body = bytes(body)
        if not isinstance(body, str | bytes):
            body = b"".join(part.encode() if isinstance(part, str) else part for part in body)
        return body, kind
    if isinstance(result, str | bytes | bytearray):
        return result if isinstance(result, str) else bytes(result), _HTML
    if isinstance(result, dict | list):
        return json.dumps(result, separators=(",", ":"), sort_keys=True) + "\n", _JSON
    raise TypeError(
        "The view function did not return a valid response. The return type must be a string, dict,"
        f" list, or tuple with a body and its type, but it was a {type(result).__name__}."
    )


def _with_charset(kind: str) -> str:
    main, _, sub = kind.partition("/")
    told = main == "text" or (main == "application" and (sub in _CHARSET or sub.endswith("+xml")))
    return f"{kind}; charset=utf-8" if told and "charset=" not in kind else kind
