"""What people get wrong: each ends with a reason that a person can use, and nothing goes round."""

import io
import json
import tarfile
from pathlib import Path

import pytest
from e2e.laptop import FOLDER, Laptop, prices, variant

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(600)]

RAISES = "raise ValueError('no such colour: mauve')\n"
ENDLESS = "import time\ntime.sleep(3600)\n"
EMPTY = "print('nothing is written')\n"
BROKEN = "import a_module_that_is_not_there\n"


def dropped(laptop: Laptop, model: str, data: bytes) -> None:
    laptop.decided(model, "install")
    laptop.put(f"data/{model}/drop.csv", data)


SOON = {"time_limit_minutes = 240": "time_limit_minutes = 1"}
TRIPS = {"preprocess.py": "raise KeyError('colour')\n"}  # as no columns are declared
CANNOT_WORK: dict[str, tuple[dict[str, str], dict[str, str], bytes, str]] = {
    "raises": ({"train.py": RAISES}, {}, prices(1, 100), "mauve"),
    "empty": ({"train.py": EMPTY}, {}, prices(1, 100), "empty"),
    "endless": ({"train.py": ENDLESS}, SOON, prices(1, 100), "MaxRuntime"),
    "unnamed": (TRIPS, {}, b"id,color,price\n1,red,2\n", "preprocess.py"),
    "cut": ({}, {}, b"id,colour,price\n1,red,2\n2,gre", "cut off"),
}


def test_trainings_that_cannot_work_say_why(laptop: Laptop, tmp_path: Path) -> None:
    for name, (files, spec, data, _) in CANNOT_WORK.items():
        laptop.everloop("push", str(variant(tmp_path, name, files, **spec)))
        dropped(laptop, name, data)
    for name, (*_, reason) in CANNOT_WORK.items():
        ended = laptop.decided(name, "train-end", limit=240)
        assert not ended["go"]
        assert reason in ended["reason"]


def test_a_bad_file_holds_up_no_drop_after_it(laptop: Laptop, tmp_path: Path) -> None:
    model = "mixed"
    bad_files = {"quiet_minutes = 2": 'quiet_minutes = 2\nbad_files = "set-aside"'}
    laptop.everloop("push", str(variant(tmp_path / "models", model, {}, **bad_files)))
    drop = tmp_path / "drop"
    (drop / ".cache").mkdir(parents=True)
    (drop / "good.csv").write_bytes(prices(1, 100))
    (drop / "header.csv").write_bytes(b"id,colour,price\n")
    (drop / ".DS_Store").write_bytes(b"\0\1")
    laptop.decided(model, "install")
    laptop.put(f"data/{model}/by-hand.csv", b"PAR1 is no CSV PAR1")  # nobody looked at this one
    laptop.put(f"data/{model}/.DS_Store", b"\0\1")
    ended = laptop.decided(model, "train-end")
    assert not ended["go"] and "by-hand.csv: is a Parquet file" in ended["reason"]
    assert "by-hand.csv" in laptop.decided(model, "set-aside")["reason"]
    said = laptop.everloop("drop", model, str(drop))
    assert "header.csv: has a header and no rows" in " ".join(said.split())
    assert laptop.decided(model, "train-end", count=2)["go"]


def test_an_inference_script_that_does_not_import_never_reaches_production(
    laptop: Laptop, tmp_path: Path
) -> None:
    model = "unimportable"
    # The evaluation is the folder's own, so that only the endpoint meets inference.py.
    evaluation = {
        "version": 1,
        "problem": "regression",
        "rows": 20,
        "metrics": {"rmse": {"value": 2.0, "low": 1.9, "high": 2.1}},
        "slices": [],
    }
    own = f"""
import argparse, csv, json
from pathlib import Path
parser = argparse.ArgumentParser()
for name in ("--model", "--data", "--output"):
    parser.add_argument(name, type=Path)
given = parser.parse_args()
rows = list(csv.DictReader((given.data / "data.csv").open()))
lines = [f"{{i}},{{row['id']}},{{row['price']}},{{row['price']}}" for i, row in enumerate(rows)]
(given.output / "predictions.csv").write_text("row,key,target,score\\n" + "\\n".join(lines) + "\\n")
told = json.loads('''{json.dumps(evaluation)}''')
told["rows"] = len(rows)
(given.output / "evaluation.json").write_text(json.dumps(told))
"""
    folder = variant(tmp_path, model, {"inference.py": BROKEN, "evaluate.py": own})
    laptop.everloop("push", str(folder))
    dropped(laptop, model, prices(1, 100))
    judged = laptop.decided(model, "judge")
    assert "person" in judged["reason"]
    laptop.approve(model, 1)
    ended = laptop.decided(model, "rollback")
    assert "a_module_that_is_not_there" in ended["reason"]
    assert model not in {
        endpoint["EndpointName"]
        for endpoint in laptop.client("sagemaker").list_endpoints()["Endpoints"]
    }


def test_bundles_that_cannot_be_installed_say_why(laptop: Laptop, tmp_path: Path) -> None:
    laptop.put("models/garbage/bundle.tar.gz", b"this is no archive")
    refused = laptop.decided("garbage", "install")
    assert not refused["go"]
    assert "tar.gz" in refused["reason"]

    outside = io.BytesIO()
    with tarfile.open(fileobj=outside, mode="w:gz") as archive:
        member = tarfile.TarInfo("../../etc/passwd")
        archive.addfile(member, io.BytesIO())
    laptop.put("models/outside/bundle.tar.gz", outside.getvalue())
    assert "outside" in laptop.decided("outside", "install")["reason"]

    spec = (FOLDER / "model.toml").read_text().replace("quiet_minutes", "quite_minutes")
    from everloop.bundle import pack

    folder = variant(tmp_path, "misspelt", {"model.toml": spec})
    laptop.put("models/misspelt/bundle.tar.gz", pack(folder))
    assert "quiet_minutes" in laptop.decided("misspelt", "install")["reason"]


def test_what_cannot_succeed_is_not_tried_for_ever(laptop: Laptop) -> None:
    """Runs last: the failures above are there, and reconcile looks at them again and again."""
    for _ in range(5):
        laptop.reconcile()
    for model in ("raises", "cut", "unimportable"):
        tries = laptop.executions("train", model) + laptop.executions("deploy", model)
        assert len(tries) <= 5, [execution["name"] for execution in tries]
