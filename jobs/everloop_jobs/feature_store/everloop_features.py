"""Features of rows, looked up in Feature Store's online store while a request waits.

A push puts this file into the bundle, beside inference.py:

    import everloop_features

    def predict_fn(rows, model):  # a DataFrame of what was sent, with a header
        rows = everloop_features.filled(rows)   # and the features that it came without
        return model.predict_proba(rows[COLUMNS])[:, 1]

What cannot be looked up in time is missing, as in training where nothing was known. CloudWatch
counts it in the namespace everloop: FeatureLookups, FeaturesMissing, FeatureLookupErrors.
"""

import json
import os
import re
import sys
import threading
import time
from pathlib import Path

_CONFIG = json.loads(Path(__file__).with_suffix(".json").read_text())
_SECONDS = 1.0  # for all lookups of a request
_MOST = 100  # records that BatchGetRecord takes
_REPORT = 60  # seconds between two reports of counts
_COUNTS = ("FeatureLookups", "FeaturesMissing", "FeatureLookupErrors")
_WHOLE = re.compile(r"(-?(?:0|[1-9][0-9]*))\.0+")

_lock = threading.Lock()
_clients = {}
_counted = {}
_reported = time.monotonic()


def filled(rows, seconds=_SECONDS):
    """Return a DataFrame with the features that it lacks. Columns that were sent stay."""
    deadline = time.monotonic() + seconds
    rows = rows.copy()
    for name, group in _CONFIG["groups"].items():
        lacking = [column for column in group["columns"] if column not in rows.columns]
        if not lacking:
            continue
        if group["on"] not in rows.columns:
            raise ValueError(
                f"the request has neither column {group['on']!r}, by which features of {name} are "
                f"found, nor {lacking[0]!r}; CSV needs a header"
            )
        left = max(0.0, deadline - time.monotonic())
        ids = [_text(value) for value in rows[group["on"]]]
        found = online(name, ids, seconds=left)
        for column in lacking:
            kind = group["columns"][column]
            values = [_value(found.get(id, {}).get(column), kind) for id in ids]
            rows[column] = _column(values, kind)
    return rows


def online(name, ids, seconds=_SECONDS):
    """Return features by id, as text by their names; ids that are not known are not there.

    `name` is that of [features.<name>] in model.toml. No call begins after `seconds`; one that
    hangs is given up within as many again, since to connect and to read have a limit each.
    """
    group = _CONFIG["groups"][name]
    wanted = sorted({_text(id) for id in ids} - {""})
    deadline, found, errors = time.monotonic() + seconds, {}, 0
    for first in range(0, len(wanted), _MOST):
        some = wanted[first : first + _MOST]
        left = deadline - time.monotonic()
        try:
            if left <= 0:
                raise TimeoutError(f"{seconds} s were not enough")
            found.update(_looked_up(group, some, left))
        except Exception as error:  # whatever it is, an answer without features is better than none
            errors += len(some)
            print(f"features of {name} were not looked up: {error}", file=sys.stderr)
    _count(name, len(wanted), len(wanted) - len(found) - errors, errors)
    return found


def _looked_up(group, ids, seconds):
    names = [group["id"], group["event_time"], *group["columns"]]
    asked = {
        "FeatureGroupName": group["group"],
        "RecordIdentifiersValueAsString": ids,
        "FeatureNames": names,
    }
    found, oldest = {}, None
    if group["max_age"] is not None:
        oldest = time.time() - group["max_age"] / 1000
    deadline = time.monotonic() + seconds
    while asked is not None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("Feature Store left records unprocessed")
        answer = _client(left).batch_get_record(Identifiers=[asked])
        if answer["Errors"]:
            raise RuntimeError(answer["Errors"][0]["ErrorMessage"])
        for record in answer["Records"]:
            values = {f["FeatureName"]: f.get("ValueAsString") for f in record["Record"]}
            if oldest is None or _seconds(values.get(group["event_time"])) >= oldest:
                kept = {name: values[name] for name in group["columns"] if name in values}
                found[record["RecordIdentifierValueAsString"]] = kept
        asked = (answer.get("UnprocessedIdentifiers") or [None])[0]
    return found


def _client(seconds):
    """Return a client whose calls end in time: a second's tenths, so that few are made."""
    import boto3
    from botocore.config import Config

    tenths = max(1, int(seconds * 10))
    with _lock:
        if tenths not in _clients:
            limits = Config(
                connect_timeout=tenths / 10,
                read_timeout=tenths / 10,
                retries={"total_max_attempts": 1},
                max_pool_connections=50,
            )
            _clients[tenths] = boto3.session.Session().client(
                "sagemaker-featurestore-runtime", config=limits, region_name=_region()
            )
        return _clients[tenths]


def _region():
    names = ("AWS_REGION", "AWS_DEFAULT_REGION", "SAGEMAKER_REGION")
    return next((os.environ[name] for name in names if os.environ.get(name)), None)


def _text(id):
    """Write an id as records have it: 7.0 is 7, since a table of numbers makes one of the other."""
    if id is None or id != id:
        return ""
    match = _WHOLE.fullmatch(str(id))
    return match[1] if match else str(id)


def _value(text, kind):
    if text is None or kind == "text":
        return text
    return float(text)


def _column(values, kind):
    import pandas as pd

    return pd.array(values, dtype=object) if kind == "text" else pd.array(values, dtype=float)


def _seconds(event_time):
    import datetime

    if event_time is None:
        return 0.0
    try:
        return float(event_time)
    except ValueError:
        whole = event_time.replace("Z", "+00:00")
        return datetime.datetime.fromisoformat(whole).timestamp()


def _count(name, lookups, missing, errors):
    """Count, and report once a minute from a thread of its own: no request waits for it."""
    global _reported
    with _lock:
        counts = _counted.setdefault(name, [0, 0, 0])
        for place, value in enumerate((lookups, missing, errors)):
            counts[place] += value
        now = time.monotonic()
        if now - _reported < _REPORT:
            return
        _reported, due = now, dict(_counted)
        _counted.clear()
    threading.Thread(target=_report, args=(due,), daemon=True).start()


def _report(due):
    import boto3
    from botocore.config import Config

    data = [
        {
            "MetricName": metric,
            "Dimensions": [
                {"Name": "model", "Value": _CONFIG["model"]},
                {"Name": "features", "Value": name},
            ],
            "Value": float(value),
            "Unit": "Count",
        }
        for name, counts in due.items()
        for metric, value in zip(_COUNTS, counts)  # noqa: B905 # Python 3.9 has no strict
    ]
    try:
        session = boto3.session.Session()
        limits = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})
        client = session.client("cloudwatch", config=limits, region_name=_region())
        client.put_metric_data(Namespace="everloop", MetricData=data)
    except Exception as error:  # counts are no reason to answer otherwise
        print(f"counts of features were not reported: {error}", file=sys.stderr)
