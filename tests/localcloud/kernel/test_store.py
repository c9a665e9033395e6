"""Tables that survive: what is written is there when the file is opened again."""

import threading
from datetime import UTC, datetime

import pytest

from everloop_localcloud.kernel.store import Store

ROW = {
    "text": "größe \u0000 end",
    "time": datetime(2030, 1, 2, 3, 4, 5, 678900, tzinfo=UTC),
    "bytes": b"\x00\xff",
    "nested": {"list": [1, 2.5, None, True, {"deep": b"x"}], "empty": {}},
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "state.sqlite"


def test_rows_come_back_as_they_were(path):
    store = Store(path)
    store.table("t")["key/with any\ncharacters é"] = ROW
    # No close: a killed process does not say goodbye.
    assert dict(Store(path).table("t")) == {"key/with any\ncharacters é": ROW}


def test_a_change_in_place_is_kept_once_it_is_saved(path):
    table = Store(path).table("t")
    table["k"] = {"n": 1}
    table["k"]["n"] = 2
    assert Store(path).table("t")["k"] == {"n": 1}
    table.save("k")
    assert Store(path).table("t")["k"] == {"n": 2}


def test_deleted_rows_stay_away(path):
    table = Store(path).table("t")
    table["a"] = table["b"] = {"n": 1}
    del table["a"]
    assert table.pop("missing", None) is None
    assert list(Store(path).table("t")) == ["b"]


def test_tables_do_not_see_each_other(path):
    store = Store(path)
    store.table("one")["k"] = {"n": 1}
    assert "k" not in store.table("two")
    assert store.table("one") is store.table("one")


def test_a_table_can_change_while_it_is_walked(path):
    table = Store(path).table("t")
    for number in range(10):
        table[str(number)] = {}
    for key in table:
        del table[key]
    assert len(table) == 0


def test_what_cannot_be_kept_is_refused(path):
    table = Store(path).table("t")
    with pytest.raises(TypeError, match="object cannot be stored"):
        table["k"] = {"bad": object()}


def test_eight_threads_lose_nothing(path):
    store = Store(path)

    def write(number):
        table = store.table("t")
        for turn in range(100):
            table[f"{number}/{turn}"] = {"turn": turn}

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(Store(path).table("t")) == 800
