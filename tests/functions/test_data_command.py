"""What everloop data and why read: keys that names mean, and who was trained on what."""

import pytest

import freeze_dataset
from everloop.aws import arrivals, registry
from everloop.reading import data as reading
from everloop.reading import story
from everloop_cli import data
from everloop_cli.trouble import Trouble

MODEL = "flight-delays"


def key(name):
    return f"data/{MODEL}/{name}.csv"


def freeze(account, window):
    request = {"model": MODEL, "window": window, "cause": "data", "time": "2026-11-21T12:00:00Z"}
    answer = freeze_dataset.handler(request, account.context)
    arrivals.note_outcome(MODEL, window, "registered")
    return answer["dataset_uri"]


@pytest.fixture
def trained(account):
    """Version 1 was trained on a and b; version 2 on c, too."""
    account.push()
    account.drop(account.bring(key("a")), account.bring(key("b")))
    account.register(1, **{"dataset-uri": freeze(account, 1)})
    account.drop(account.bring(key("c")))
    account.register(2, **{"dataset-uri": freeze(account, 2)})
    return account


def told():
    found = story.trained_on(MODEL, registry.packages(MODEL))
    return {each.version: each.keys for each in found.versions}


def test_which_versions_were_trained_on_what_was_withdrawn_since(trained):
    assert told() == {}
    trained.drop(trained.take_out(key("c")))
    assert told() == {2: [key("c")]}
    trained.drop(trained.take_out(key("a")))
    assert told() == {1: [key("a")], 2: [key("a"), key("c")]}


def test_a_version_that_was_trained_on_an_older_content_of_a_deleted_key_is_told(trained):
    """Its own version of the object has expired; the key was deleted with all it held."""
    (old,) = [a for a in arrivals.arrivals(MODEL, [1])[1] if a.key == key("a")]
    trained.drop(trained.bring(key("a"), b"another\n"))
    trained.client("s3").delete_object(Bucket=trained.data, Key=key("a"), VersionId=old.version_id)
    later = {"time": "2026-11-29T10:15:30Z"}
    trained.drop({**trained.take_out(key("a")), **later})
    assert told() == {1: [key("a")], 2: [key("a")]}


def test_what_is_in_no_dataset_is_read_with_its_reason_and_the_newest_dataset(trained):
    trained.drop(trained.take_out(key("c")))
    found = reading.data(MODEL)
    assert [(each.key, each.state, each.by) for each in found.objects] == [
        (key("c"), "withdrawn", "123456789012")
    ]
    assert found.dataset.window == 2
    everything = reading.data(MODEL, everything=True).objects
    assert [(each.key, each.window) for each in everything] == [
        (key("a"), 1),
        (key("b"), 1),
        (key("c"), 2),
    ]


def test_a_name_is_a_key_with_or_without_its_prefix_and_a_folder_all_below_it(trained):
    trained.bring(f"data/{MODEL}/2013/x.csv")
    trained.bring(f"data/{MODEL}/2013/y.csv")
    names = ["a.csv", key("b"), "2013/"]
    assert list(data._named(MODEL, names)) == [
        key("a"),
        key("b"),
        f"data/{MODEL}/2013/x.csv",
        f"data/{MODEL}/2013/y.csv",
    ]
    for missing in ("a", "2014/", "data/another/a.csv"):
        with pytest.raises(Trouble, match="is not there"):
            list(data._named(MODEL, [missing]))


def test_only_the_delete_markers_above_the_newest_version_are_taken_away(trained):
    assert data._markers_above(key("a")) == []
    first = trained.take_out(key("a"))["detail"]["object"]["version-id"]
    assert data._markers_above(key("a")) == [first]
    trained.bring(key("a"), b"again\n")
    assert data._markers_above(key("a")) == []
