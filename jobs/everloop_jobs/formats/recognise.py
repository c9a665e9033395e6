"""What a file is that is no CSV of the dialect: recognised by its first bytes."""

import codecs
import re
from collections.abc import Callable

HEAD = 65_536  # bytes that are looked at
_UNPACK = "unpack it before it is dropped"
_EXPORT = "export it as {wanted}"
_PARQUET = 'set [data] format = "parquet", or write it as {wanted}'
_FILE = 'where such files are the data, set [data] format = "files"'
WRITTEN = {"csv": "CSV with a header", "jsonl": "JSON Lines", "parquet": "Parquet"}
_SIGNATURES = [
    (b"PAR1", "a Parquet file", _PARQUET),
    (b"PARE", "an encrypted Parquet file", _PARQUET),
    (b"\x1f\x8b", "compressed with gzip", _UNPACK),
    (b"BZh", "compressed with bzip2", _UNPACK),
    (b"\xfd7zXZ\x00", "compressed with xz", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", _UNPACK),
    (b"\x04\x22\x4d\x18", "compressed with lz4", _UNPACK),
    (b"\xff\x06\x00\x00sNaPpY", "compressed with snappy", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"Rar!\x1a\x07", "a rar archive", _UNPACK),
    (b"ORC", "an ORC file", _EXPORT),
    (b"Obj\x01", "an Avro file", _EXPORT),
    (b"ARROW1", "an Arrow (Feather) file", _EXPORT),
    (b"FEA1", "a Feather file", _EXPORT),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", _EXPORT),
    (b"\x93NUMPY", "a NumPy array", _EXPORT),
    (b"SQLite format 3\x00", "an SQLite database", _EXPORT),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel (xls) or another office file", _EXPORT),
    (b"%PDF-", "a PDF document", _EXPORT),
    (b"{\\rtf", "an RTF document", _EXPORT),
    (b"\x89PNG\r\n", "a PNG picture", _FILE),
    (b"\xff\xd8\xff", "a JPEG picture", _FILE),
    (b"$FL2", "an SPSS file", _EXPORT),
    (b"SAS", "a SAS file", _EXPORT),
    (b"<stata_dta>", "a Stata file", _EXPORT),
    (b"RDX3", "an R data file", _EXPORT),
    (b"\x80\x04\x95", "a Python pickle", _EXPORT),
    (b"\x80\x05\x95", "a Python pickle", _EXPORT),
    (b"-----BEGIN", "a key or certificate in PEM", "take it back, and replace what is secret"),
    (
        b"version https://git-lfs",
        "a pointer of Git LFS, not the file",
        "git lfs pull, then drop it",
    ),
]
_WIDE = [  # the longer marks first: that of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
]
_ERROR = re.compile(r"<Error>.*?<Code>([A-Za-z0-9]{1,40})</Code>", re.DOTALL)


def what_it_is(head: bytes, encoding: str = "utf-8", wanted: str = "csv") -> tuple[str, str]:
    """Return what a file is and what to do about it; two empty texts where it shows no sign.

    `head` are its first bytes, `encoding` the one that was expected, `wanted` the format.
    """
    what, fix = _sign(head, encoding)
    return what, fix.replace("{wanted}", WRITTEN[wanted])


def _sign(head: bytes, encoding: str) -> tuple[str, str]:
    detected = "utf-8" if head.startswith(codecs.BOM_UTF8) else wide_encoding(head)
    if detected and not _same(detected, encoding):
        fix = f"save it as {encoding.upper()}, or declare [data.dialect] encoding = {detected!r}"
        return f"text in {detected.upper()}", fix
    for signature, what, fix in _SIGNATURES:
        if head.startswith(signature):
            return what, fix
    if head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
        return _zip(head)
    if head[257:262] == b"ustar":
        return "a tar archive", _UNPACK
    text = head.decode("utf-8-sig", "replace").lstrip()
    for recognise in _TEXTS:
        what, fix = recognise(text)
        if what:
            return what, fix
    if head.count(0) > len(head) // 10:
        return "no text: it is full of zero bytes", _EXPORT
    return "", ""


def wide_encoding(head: bytes) -> str:
    """Return the encoding of text in wide characters, with or without its mark; else nothing."""
    for mark, name in _WIDE:
        if head.startswith(mark):
            return name
    some = head[:512]
    for width, name in ((4, "utf-32"), (2, "utf-16")):
        if len(some) < 2 * width or len(some) % width:
            some = some[: len(some) // width * width]
        for order, place in (("-le", 0), ("-be", width - 1)):
            letters = some[place::width]
            rest = len(some) - len(letters)
            if letters and some.count(0) == rest and 0 not in letters:
                return name + order
    return ""


def _same(one: str, other: str) -> bool:
    return codecs.lookup(one).name == codecs.lookup(other).name


def _zip(head: bytes) -> tuple[str, str]:
    if b"xl/" in head or b"[Content_Types].xml" in head:
        return "an Excel or another office file (xlsx)", "save the sheet as {wanted}"
    if b"opendocument" in head:
        return "an OpenDocument file (ods)", "save the sheet as {wanted}"
    return "a zip archive", _UNPACK


def _xml(text: str) -> tuple[str, str]:
    if not text.startswith(("<?xml", "<Error>")):
        return "", ""
    error = _ERROR.search(text[:4096])
    if error:
        what = f"an error answer in XML ({error[1]}), saved as if it were the file"
        return what, "download it again"
    return "XML", _EXPORT


def _html(text: str) -> tuple[str, str]:
    start = text[:2048].lower()
    if not start.startswith(("<!doctype html", "<html", "<head", "<body")):
        return "", ""
    return (
        "a web page in HTML, perhaps an error or a sign-in saved as the file",
        "download it again",
    )


def _json(text: str) -> tuple[str, str]:
    if re.match(r'\[\s*[{\[\]"\d-]|\{\s*["}]', text) is None:
        return "", ""
    second = text.partition("\n")[2].lstrip()
    if (
        text.startswith("{")
        and text.partition("\n")[0].rstrip().endswith("}")
        and second[:1] == "{"
    ):
        return "JSON Lines", 'set [data] format = "jsonl", or write it as {wanted}'
    return "JSON", "write it as {wanted}"


_TEXTS: list[Callable[[str], tuple[str, str]]] = [_xml, _html, _json]
