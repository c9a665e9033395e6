"""What a script prints of its metrics, as  name=0.5  or  name: 0.5  anywhere in a line."""

import re
from typing import Final

_NUMBER: Final = r"([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)"


def regex(name: str) -> str:
    """Return what finds a metric's numbers; loss is not what val_loss=0.5 says."""
    return rf"(?:^|[^\w.:/-]){re.escape(name)}\s*[=:]\s*{_NUMBER}"
