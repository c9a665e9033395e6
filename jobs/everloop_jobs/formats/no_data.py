"""Files that hold no data by their name: what systems, archives and engines leave behind."""

import re
from pathlib import PurePosixPath

_SYSTEM = {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"}
_FOLDERS = {
    *("__macosx", "$recycle.bin", "system volume information", "@eadir", "lost+found"),
    *("_temporary", "_delta_log", "_spark_metadata", "_symlink_format_manifest"),
}
_MARKERS = re.compile(
    r"_(success|failure|metadata|common_metadata|committed_.+|started_.+)|.+_\$folder\$",
    re.IGNORECASE,
)
_ENDINGS = {
    ".crc": "a checksum beside another file",
    ".csv.metadata": "Athena's description of another file",
    ".crdownload": "an unfinished download",
    ".tmp": "a temporary file",
    ".swp": "an editor's own file",
    "~": "an editor's backup",
}


def no_data_by_name(name: str, marker: str = "") -> str:
    """Return why a file holds no data; empty where its name does not say so.

    `name` is its path below data/<model>/; `marker` is [data].marker.
    """
    parts = PurePosixPath(name).parts
    if name.endswith("/") or not parts:
        return "is the marker of a folder"
    last = parts[-1]
    if marker and last == marker:
        return "is a marker"
    if _MARKERS.fullmatch(last):
        return "is a marker that an engine leaves behind"
    for part in parts[:-1]:
        if part.lower() in _FOLDERS:
            return f"lies in {part}, which holds no data"
    if last.lower() in _SYSTEM or last.lower() in _FOLDERS:
        return "is a file of the operating system"
    if last.startswith("~$"):
        return "is the lock file of an office program"
    for part in parts:
        if part.startswith("."):
            return "is hidden" if part == last else f"lies in the hidden folder {part}"
    for ending, what in _ENDINGS.items():
        if last.lower().endswith(ending):
            return f"is {what}"
    return ""
