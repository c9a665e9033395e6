"""everloop_features.py: what an endpoint gets that looks features up, and when it gets nothing."""

import json
import shutil
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from threading import Thread
from typing import Any

import pandas as pd
import pytest
from job_container import JOBS

CONFIG = {
    "model": "churn",
    "groups": {
        "customers": {
            "group": "everloop-churn-customers",
            "id": "customer",
            "event_time": "seen",
            "on": "customer",
            "columns": {"spent": "number", "segment": "text"},
            "max_age": 3_600_000,
        }
    },
}


class Store(BaseHTTPRequestHandler):
    """Feature Store's answers: what is asked for in all is kept in `asked`."""

    asked: list[list[str]]
    errors: bool

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        (wanted,) = json.loads(self.rfile.read(size))["Identifiers"]
        ids = wanted["RecordIdentifiersValueAsString"]
        self.asked.append(ids)
        times = {"old": "2020-01-01T00:00:00Z"}
        records = [
            {
                "FeatureGroupName": wanted["FeatureGroupName"],
                "RecordIdentifierValueAsString": id,
                "Record": [
                    {"FeatureName": "spent", "ValueAsString": "1.5"},
                    {"FeatureName": "seen", "ValueAsString": times.get(id, "9000-01-01T00:00:00Z")},
                ],
            }
            for id in ids
            if id != "nobody"
        ]
        answer = {"Records": records, "Errors": [], "UnprocessedIdentifiers": []}
        body = json.dumps(answer).encode()
        self.send_response(500 if self.errors else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Store]]:
    kind = type("Answers", (Store,), {"asked": [], "errors": False})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    yield kind
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def lookup(tmp_path: Path) -> Any:
    shutil.copy(JOBS / "feature_store" / "everloop_features.py", tmp_path)
    (tmp_path / "everloop_features.json").write_text(json.dumps(CONFIG))
    found = spec_from_file_location("lookup", tmp_path / "everloop_features.py")
    assert found is not None and found.loader is not None
    module = module_from_spec(found)
    found.loader.exec_module(module)
    yield module
    sys.modules.pop("lookup", None)


def test_rows_get_what_is_known_and_not_too_old(store: type[Store], lookup: Any) -> None:
    rows = pd.DataFrame({"customer": ["7.0", "nobody", "old"]})

    filled = lookup.filled(rows, seconds=30)

    assert list(filled["spent"].fillna(-1)) == [1.5, -1, -1]
    assert list(filled["segment"]) == [None, None, None]
    assert store.asked == [["7", "nobody", "old"]]  # as records have their ids
    assert list(rows.columns) == ["customer"]


def test_a_hundred_records_are_asked_for_at_a_time_and_each_once(
    store: type[Store], lookup: Any
) -> None:
    ids = [f"c{n:03}" for n in range(250)]

    assert len(lookup.online("customers", ids * 2, seconds=30)) == 250
    assert [len(each) for each in store.asked] == [100, 100, 50]


def test_an_answer_goes_out_without_features_where_the_store_fails(
    store: type[Store], lookup: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    store.errors = True
    rows = pd.DataFrame({"customer": ["a", "b"]})

    filled = lookup.filled(rows, seconds=30)

    assert filled["spent"].isna().all()
    assert "features of customers were not looked up" in capsys.readouterr().err
    assert lookup._counted == {"customers": [2, 0, 2]}


def test_no_lookup_begins_once_the_time_is_over(store: type[Store], lookup: Any) -> None:
    assert lookup.online("customers", ["a"], seconds=0) == {}
    assert store.asked == []


def test_columns_that_were_sent_are_not_looked_up(store: type[Store], lookup: Any) -> None:
    rows = pd.DataFrame({"spent": [1.0], "segment": ["x"]})

    assert lookup.filled(rows).equals(rows)
    assert store.asked == []


def test_a_request_that_names_nobody_is_told_what_it_lacks(lookup: Any) -> None:
    with pytest.raises(ValueError, match="neither column 'customer', by which features of cust"):
        lookup.filled(pd.DataFrame({"other": [1]}))
