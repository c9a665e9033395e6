"""Our own rules about Python: what they find, and what they leave alone."""

from pathlib import Path

import pytest

from proofs.audit.rules import Rule, code, name_of
from proofs.audit.rules.syntax import Module


def found(rule: Rule, text: str, tmp_path: Path) -> list[str]:
    path = tmp_path / "it.py"
    path.write_text(text)
    return [where for where, _ in rule([Module("it.py", path)])]


CASES = [
    (code.client_without_config, 'boto3.client("s3")', True),
    (code.client_without_config, 'boto3.Session().client("s3")', True),
    (code.client_without_config, 'self._session.resource("s3")', True),
    (code.client_without_config, 'session.create_client("s3")', True),
    (code.client_without_config, 'boto3.client("s3", config=CONFIG)', False),
    (code.client_without_config, 'boto3.client("s3", **settings)', False),
    (code.client_without_config, "site.client", False),
    (code.event_logged, 'logger.info("got", event=event)', True),
    (code.event_logged, "print(json.dumps(event))", True),
    (code.event_logged, 'logger.info(f"got {event}")', True),
    (code.event_logged, 'logger.info("got", model=event["model"])', False),
    (code.event_logged, "handle(event)", False),
    (code.environment_logged, 'logger.debug("here", all=dict(os.environ))', True),
    (code.environment_logged, 'logger.debug("here", home=os.environ["HOME"])', False),
    (code.environment_logged, 'logger.debug("here", home=os.environ.get("HOME"))', False),
    (code.key_as_path, 'def f(e):\n    open("/tmp/" + e["key"])', True),
    (code.key_as_path, 'def f(e):\n    k = e["key"]\n    n = k[1:]\n    Path(n)', True),
    (code.key_as_path, 'def f(e):\n    (folder / e["key"]).write_bytes(b"")', True),
    (code.key_as_path, 'def f(e):\n    subprocess.run(["cat", e["key"]])', True),
    (code.key_as_path, 'def f(e):\n    s3.get_object(Bucket="b", Key=e["key"])', False),
    (code.key_as_path, 'def f(e):\n    s3.download_file("b", e["key"], "/tmp/it")', False),
    (code.key_as_path, 'def f(e):\n    run(e["key"])', False),
    (code.unpickled, "import joblib", True),
    (code.unpickled, "from pickle import loads", True),
    (code.unpickled, "np.load(path, allow_pickle=True)", True),
    (code.unpickled, "np.load(path, allow_pickle=False)", False),
    (code.unpickled, "import json", False),
    (code.swallowed, "try:\n    f()\nexcept Exception:\n    x = 1", True),
    (code.swallowed, "try:\n    f()\nexcept:\n    pass", True),
    (code.swallowed, "try:\n    f()\nexcept (ValueError, Exception):\n    pass", True),
    (code.swallowed, "with suppress(Exception):\n    f()", True),
    (code.swallowed, "try:\n    f()\nexcept ValueError:\n    pass", False),
    (code.swallowed, "try:\n    f()\nexcept Exception as error:\n    tell(error)", False),
    (code.swallowed, "try:\n    f()\nexcept Exception:\n    undo()\n    raise", False),
    (code.swallowed, 'try:\n    f()\nexcept Exception:\n    logger.exception("no")', False),
    (code.own_clock, "datetime.now(UTC)", True),
    (code.own_clock, "time.time()", True),
    (code.own_clock, "name = uuid.uuid4().hex", True),
    (code.own_clock, "from random import choice", True),
    (code.own_clock, "time.perf_counter()", False),
    (code.own_clock, 'moment(event["time"])', False),
    (code.tls_off, "get(url, verify=False)", True),
    (code.tls_off, "ssl._create_unverified_context()", True),
    (code.tls_off, "get(url, verify=bundle)", False),
    (code.volume_unencrypted, 'def f():\n    return {"VolumeSizeInGB": 30}', True),
    (
        code.volume_unencrypted,
        'def f():\n    a = {"VolumeSizeInGB": 3, "VolumeKmsKeyId": k}',
        False,
    ),
    (
        code.volume_unencrypted,
        'def f():\n    a = {"VolumeSizeInGB": 3}\n    a["VolumeKmsKeyId"] = k',
        False,
    ),
]


@pytest.mark.parametrize(
    ("rule", "text", "wrong"),
    [pytest.param(*case, id=f"{name_of(case[0])}: {case[1]}"[:70]) for case in CASES],
)
def test_a_rule_finds_what_it_is_for_and_nothing_else(
    tmp_path: Path, rule: Rule, text: str, wrong: bool
) -> None:
    assert bool(found(rule, text, tmp_path)) is wrong


def test_a_place_is_the_function_around_it_and_stays_when_lines_move(tmp_path: Path) -> None:
    text = "class A:\n    def b(self):\n        def c():\n            boto3.client('s3')\n"
    before = found(code.client_without_config, text, tmp_path)
    assert before == ["it.py:A.b.c"]
    assert found(code.client_without_config, "\n\n" + text, tmp_path) == before
