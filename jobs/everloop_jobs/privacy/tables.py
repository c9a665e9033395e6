"""Tables that leave a preparation: personal values hidden, all other text as it was."""

import csv
import sys
from pathlib import Path

from container import JobError
from privacy.masking import Masking

csv.field_size_limit(min(sys.maxsize, 2**31 - 1))


def hide(folder: Path, masking: Masking) -> list[str]:
    """Rewrite every CSV below a folder that has personal columns; return what nobody can look into.

    A file without a header, or in another form, stays as preprocess.py wrote it.
    """
    left = []
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        if path.suffix == ".csv":
            _hide(path, masking)
        else:
            left.append(path.relative_to(folder).as_posix())
    return left


def _hide(path: Path, masking: Masking) -> None:
    made = path.with_name(f"{path.name}.hidden")
    try:
        with (
            path.open(encoding="utf-8-sig", newline="") as given,
            made.open("w", encoding="utf-8", newline="") as hidden,
        ):
            rows = csv.reader(given)
            header = next(rows, [])
            at = [(place, name) for place, name in enumerate(header) if name in masking.columns]
            if at:
                writer = csv.writer(hidden, lineterminator="\n")
                writer.writerow(header)
                for row in rows:
                    for place, name in at:
                        if place < len(row):
                            row[place] = masking.cell(name, row[place])
                    writer.writerow(row)
        if at:
            made.replace(path)
    except (UnicodeError, csv.Error) as error:
        raise JobError(
            f"{path.parent.name}/{path.name}, as preprocess.py wrote it, cannot be read as CSV in "
            f"UTF-8, so that its personal columns cannot be hidden: {type(error).__name__}"
        ) from None
    finally:
        made.unlink(missing_ok=True)
