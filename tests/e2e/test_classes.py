"""Ten classes in the loop: vectors of probabilities are judged, tested on staging, and compared."""

import pytest
from e2e.laptop import ROOT, Laptop

from everloop_cli import digits

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(600)]
MODEL = "handwritten-digits"


def test_a_second_version_of_ten_classes_is_judged(laptop: Laptop) -> None:
    laptop.everloop("push", str(ROOT / "models" / MODEL))
    assert laptop.decided(MODEL, "install")["go"]
    drops = digits.drops()
    name, rows = next(drops)
    laptop.put(f"data/{MODEL}/{name}", rows)
    laptop.serves(MODEL, 1, limit=300)
    tested = laptop.decided(MODEL, "test")
    assert "scores differ from the offline ones by at most" in tested["reason"]

    name, rows = next(drops)
    laptop.put(f"data/{MODEL}/{name}", rows)

    judged = laptop.decided(MODEL, "judge", 2, limit=300)
    assert judged["facts"]["version"] == 2
    assert judged["facts"]["comparison"]["metric"] == "log_loss"
