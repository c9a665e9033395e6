"""Evaluating one JSONata expression, with the functions of Step Functions and its limits."""

import hashlib
import math
import random
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any

from jsonata.functions import Functions as Builtin
from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.utils import Utils

from everloop_localcloud.states import json_text

_NULL = Utils.NULL_VALUE
_LONGEST_MS = 2_000  # real milliseconds of one evaluation; an endless expression must end
_DEEPEST = 200
_LONGEST_RANGE = 1_000
_HASHES = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384"}
_HASHES |= {"SHA-512": "sha512"}


class Undefined(Exception):
    """The expression gave nothing."""


class Unsupported(Exception):
    """The expression gave a function, which is no JSON."""


class Failed(Exception):
    """The expression could not be evaluated; the message begins with JSONata's code, if any."""


class InvalidExpression(Exception):
    """The text is not JSONata."""


@lru_cache(maxsize=4096)
def compiled(source: str) -> Any:
    """Compile an expression. Raises InvalidExpression."""
    try:
        expression = Jsonata(source)
    except JException as error:
        raise InvalidExpression(f"{error.error}: {error}") from error
    except Exception as error:
        # The library's parser also fails in ways of its own, such as IndexError on "(".
        raise InvalidExpression(str(error) or type(error).__name__) from error
    if expression.errors:
        raise InvalidExpression(str(expression.errors[0]))
    expression.set_output_convert_nulls(False)
    return expression


def evaluate(source: str, variables: dict[str, Any], functions: dict[str, Any]) -> Any:
    """Evaluate an expression and return plain JSON that shares nothing with the variables.

    Raises Undefined, Unsupported or Failed.
    """
    try:
        expression = compiled(source)
        frame = expression.create_frame()
        frame.set_runtime_bounds(_LONGEST_MS, _DEEPEST)
        for name, value in functions.items():
            frame.bind(name, value)
        for name, value in variables.items():
            frame.bind(name, _given(value))
        found = expression.evaluate(None, frame)
        if found is None:
            raise Undefined
        return _plain(found)
    except (Undefined, Unsupported, Failed):
        raise
    except InvalidExpression as error:
        raise Failed(str(error)) from error
    except JException as error:
        raise Failed(f"{error.error}: {error}") from error
    except ZeroDivisionError as error:
        raise Failed("D1001: Number out of range: Infinity") from error
    except ValueError as error:
        # The library's $number fails as Python's float does.
        value = str(error).partition("could not convert string to float: ")[2]
        if value:
            raise Failed(f"D3030: Unable to cast value to a number: {value}") from error
        raise Failed(f"ValueError: {error}") from error
    except RecursionError as error:
        raise Failed(f"D1011: {JException.error_codes['D1011']}") from error
    except Exception as error:
        raise Failed(f"{type(error).__name__}: {error}") from error


def _given(value: Any) -> Any:
    """Copy a JSON value for JSONata, where None would mean undefined."""
    if value is None:
        return _NULL
    if isinstance(value, dict):
        return {key: _given(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_given(item) for item in value]
    return value


def _plain(value: Any) -> Any:
    if value is _NULL or value is None:
        return None
    if isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Failed(f"D1001: Number out of range: {value}")
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Utils.RangeList):
        return [_plain(value[index]) for index in range(len(value))]
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    raise Unsupported


def functions(
    now: Callable[[], datetime], chance: Callable[[], float], uuid: Callable[[], str]
) -> dict[str, Any]:
    """Return what Step Functions adds to JSONata, or replaces, as bindings."""

    def millis() -> int:
        return int(now().timestamp() * 1000)

    def now_text(picture: Any = None, timezone: Any = None) -> Any:
        return Builtin.datetime_from_millis(millis(), picture, timezone)

    def draw(seed: Any = None) -> float:
        return chance() if seed is None else random.Random(str(_plain(seed))).random()

    replaced: dict[str, Callable[..., Any]] = {
        "now": now_text,
        "millis": millis,
        "random": draw,
        "uuid": uuid,
        "hash": _hash,
        "partition": _partition,
        "range": _range,
        "parse": _parse,
    }
    bound: dict[str, Any] = {name: Jsonata.JLambda(call) for name, call in replaced.items()}
    bound["eval"] = Jsonata.JLambda(_no_function)  # AWS has none
    return bound


def _no_function(*arguments: Any) -> Any:
    raise JException("T1006", -1)


def _refuse(index: int, name: str) -> JException:
    return JException("T0410", -1, index, name)


def _parse(text: Any = None) -> Any:
    if text is None:
        return None
    if not isinstance(text, str):
        raise _refuse(1, "parse")
    try:
        return _given(json_text.loads(text))
    except ValueError as error:
        raise Failed(f"parse: {error}") from error


def _hash(data: Any = None, algorithm: Any = None) -> Any:
    if data is None:
        return None
    if algorithm not in _HASHES:
        raise _refuse(2, "hash")
    text = data if isinstance(data, str) else json_text.dumps(_plain(data))
    return hashlib.new(_HASHES[algorithm], text.encode()).hexdigest()


def _partition(items: Any = None, size: Any = None) -> Any:
    if items is None:
        return None
    if not isinstance(items, list):
        items = [items]
    if isinstance(size, bool) or not isinstance(size, int | float) or size < 1:
        raise _refuse(2, "partition")
    step = int(size)
    every = list(items)
    return [every[at : at + step] for at in range(0, len(every), step)]


def _range(first: Any = None, last: Any = None, step: Any = None) -> Any:
    for index, value in enumerate((first, last, step), 1):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _refuse(index, "range")
    if step == 0:
        raise _refuse(3, "range")
    count = math.floor((last - first) / step) + 1
    if count > _LONGEST_RANGE:
        raise JException("D2014", -1, count)
    values = [first + step * index for index in range(max(0, count))]
    return Utils.create_sequence_from_iter(values)
