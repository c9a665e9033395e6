"""What a dropped file is said to be, where, and what to do: each kind by its own words."""

import io
import zipfile
from pathlib import Path

import pytest

from everloop_jobs.formats.check import FileCheck, check
from everloop_jobs.formats.dialect import Dialect
from everloop_jobs.formats.expected import Expected

HEAD = "id,colour,price\n"
TEXT = HEAD + "1,red,2\n"
NAMES = ("id", "colour", "price")


def zipped(*names: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in names:
            archive.writestr(name, TEXT)
    return made.getvalue()


def looked_at(
    folder: Path, data: str | bytes, kind: str = "text", dialect: Dialect | None = None
) -> FileCheck:
    path = folder / "drop.csv"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    columns = {"price": kind}
    return check(path, "may.csv", Expected(NAMES, columns, "price", dialect=dialect or Dialect()))


@pytest.mark.parametrize(
    ("data", "what", "fix"),
    [
        pytest.param(b"\x04\x22\x4d\x18" + bytes(9), "compressed with lz4", "unpack", id="lz4"),
        pytest.param(zipped("a.csv", "b.csv"), "a zip archive of 2 files", "unpack", id="zip"),
        pytest.param(zipped("xl/workbook.xml"), "Excel", "save the sheet as CSV", id="xlsx"),
        pytest.param(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), "old Excel", "CSV", id="xls"),
        pytest.param(
            b"PAR1\x15\x04" + bytes(99) + b"PAR1",
            "a Parquet file",
            'format = "parquet"',
            id="Parquet",
        ),
        pytest.param(b"%PDF-1.7\n%\xe2\xe3", "a PDF document", "export", id="PDF"),
        pytest.param(b"\x80\x04\x95" + bytes(99), "a Python pickle", "export", id="pickle"),
        pytest.param(TEXT.encode("utf-16"), "text in UTF-16", "encoding = 'utf-16'", id="utf-16"),
        pytest.param(TEXT.encode("utf-16-le"), "text in UTF-16-LE", "'utf-16-le'", id="no mark"),
        pytest.param(TEXT.encode("utf-32"), "text in UTF-32", "encoding = 'utf-32'", id="utf-32"),
        pytest.param('[{"id": 1}]\n', "JSON", "write it as CSV", id="JSON"),
        pytest.param('{"id": 1}\n{"id": 2}\n', "JSON Lines", 'format = "jsonl"', id="JSON Lines"),
        pytest.param("<!DOCTYPE html>\n<html>", "a web page", "download it again", id="HTML"),
        pytest.param(
            "<?xml version='1.0'?>\n<Error><Code>AccessDenied</Code><Message>x</Message></Error>",
            "an error answer in XML (AccessDenied)",
            "download it again",
            id="an error of S3",
        ),
        pytest.param("<?xml version='1.0'?>\n<rows/>", "XML", "export it as CSV", id="XML"),
        pytest.param(
            "version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 1\n",
            "a pointer of Git LFS",
            "git lfs pull",
            id="Git LFS",
        ),
    ],
)
def test_another_kind_of_file_is_named(
    tmp_path: Path, data: str | bytes, what: str, fix: str
) -> None:
    (said,) = looked_at(tmp_path, data).bad
    assert said.startswith(f"may.csv: is {what}") or what in said
    assert fix in said


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(
            "id;colour;price\n1;red;2,5\n",
            "may.csv: its fields are separated by ';' and its numbers have decimal commas; "
            'separate them by commas, or declare [data.dialect] separator = ";", decimal = ","',
            id="semicolons",
        ),
        pytest.param(
            "id\tcolour\tprice\n1\tred\t2\n", 'declare [data.dialect] separator = "\\t"', id="tabs"
        ),
        pytest.param(
            "# exported in May\n" + TEXT,
            "may.csv: its header is in line 2, below a comment or title; remove the lines above "
            "it, or declare [data.dialect] skip_lines = 1",
            id="comment",
        ),
        pytest.param(
            "sep=;\nid;colour;price\n1;red;2\n", 'separator = ";", skip_lines = 1', id="of Excel"
        ),
        pytest.param("1,red,2\n2,blue,3\n", "its first line holds values", id="no header"),
        pytest.param(
            "id,colour,PRICE\n1,red,2\n", "column 'price' is missing; there is 'PRICE'", id="case"
        ),
        pytest.param("id,colour, price\n1,red,2\n", "there is ' price'", id="space"),
        pytest.param("id,colour,'price'\n1,red,2\n", "there is \"'price'\"", id="quotes"),
        pytest.param("id,colour,cost\n1,red,2\n", "column 'price' is missing", id="other name"),
        pytest.param("id,price,colour,price\n", "names column 'price' twice", id="twice"),
        pytest.param(
            (HEAD + "1,rosé,2\n").encode("latin-1"),
            "may.csv: is no UTF-8 text: line 2 holds the byte 0xe9, which is 'é' in latin-1; save "
            "it as UTF-8, or declare [data.dialect] encoding = 'latin-1'",
            id="latin-1",
        ),
        pytest.param((HEAD + "1,“x”,2\n").encode("cp1252"), "'“' in cp1252", id="cp1252"),
        pytest.param(
            (TEXT + "2,rosé").encode()[:-1], "is cut off inside a character of line 3", id="cut"
        ),
        pytest.param(
            TEXT + "2,red,2,5\n",
            "row 2 has 4 fields where the header has 3 (line 3)",
            id="too many",
        ),
        pytest.param(HEAD + "1,red,2,\n", "its rows end with a separator", id="separator at end"),
        pytest.param(HEAD + "1,red,inf\n", "holds 'inf' in row 1; finite numbers", id="inf"),
        pytest.param(HEAD + "1,red,1e999\n", "holds '1e999' in row 1; finite", id="beyond floats"),
        pytest.param(HEAD + "1,red,cheap\n" * 3, "'cheap' in row 1 (and 2 more rows)", id="words"),
        pytest.param(HEAD + '1,red,"1,234.5"\n', 'thousands = ","', id="thousands"),
        pytest.param(HEAD + '1,red,"2,5"\n', 'decimal = ","', id="decimal comma"),
        pytest.param(HEAD + "1,red,True\n", "numbers belong there", id="true"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_a_fix(
    tmp_path: Path, data: str | bytes, said: str
) -> None:
    (found,) = looked_at(tmp_path, data, "number").bad
    assert said in found


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("\ufeff" + TEXT, id="byte order mark"),
        pytest.param(TEXT.replace("\n", "\r\n"), id="CRLF"),
        pytest.param(TEXT.replace("\n", "\r"), id="CR"),
        pytest.param("\n\n" + TEXT + "\n  \n", id="empty lines"),
        pytest.param(HEAD + '1,"a ""red""\nline",2\n', id="quoted line break"),
        pytest.param(HEAD + "1,a\0b,2\n", id="NUL"),
        pytest.param(HEAD + f"1,{'x' * 200_000},2\n", id="a long field"),
        pytest.param(HEAD + "1,\ufffe,2\n", id="any character"),
        pytest.param("PAR1," + TEXT.replace("\n1", "\n0,1"), id="a name like a signature"),
        pytest.param(
            ",".join(map(str, range(3000))) + "," + TEXT.replace("\n1", "\n" + "," * 3000 + "1"),
            id="3,000 columns",
        ),
        pytest.param("id,price,colour\n1,2\n3,4,red\n", id="a short row"),
    ],
)
def test_what_pandas_reads_is_good(tmp_path: Path, data: str) -> None:
    seen = looked_at(tmp_path, data, "number")
    assert (seen.bad, seen.doubts, seen.empty) == ([], [], "")


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        pytest.param("id|colour|price\n1|red|2\n", Dialect(separator="|"), id="separator"),
        pytest.param(
            "id;colour;price\n1;red;1.234,5\n",
            Dialect(separator=";", decimal=",", thousands="."),
            id="German numbers",
        ),
        pytest.param("id,colour,price\n1,'a,b',2\n", Dialect(quote="'"), id="quote"),
        pytest.param('id,colour,price\n1,5",2\n', Dialect(quote=None), id="inches"),
        pytest.param("# made\n" + TEXT + "# end\n", Dialect(comment="#"), id="comments"),
        pytest.param("Prices\n\n" + TEXT, Dialect(skip_lines=2), id="a title"),
    ],
)
def test_a_declared_dialect_is_read(tmp_path: Path, text: str, dialect: Dialect) -> None:
    seen = looked_at(tmp_path, text, "number", dialect)
    assert (seen.rows, seen.bad, seen.doubts) == (1, [], [])


def test_a_file_in_another_dialect_than_the_declared_is_told(tmp_path: Path) -> None:
    (said,) = looked_at(tmp_path, TEXT, dialect=Dialect(separator=";")).bad
    assert "its fields are separated by ','; separate them by ';'" in said
    (said,) = looked_at(tmp_path, b"\xef\xbb\xbf" + b"x", dialect=Dialect(encoding="cp1252")).bad
    assert "is text in UTF-8; save it as CP1252, or declare" in said
