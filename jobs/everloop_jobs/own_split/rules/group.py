"""By a group, such as the customer: all its rows are in one part, also those that come later."""

from collections.abc import Mapping
from typing import Any

from own_split.rules.key import Hashed


def by_group(data: Mapping[str, Any]) -> Hashed:
    return Hashed(data, str(data["split"]["group"]))


RULE = by_group
