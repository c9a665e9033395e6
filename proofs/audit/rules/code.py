"""Rules about Python: what bandit does not know, because it does not know boto3, Lambda or S3."""

import ast
from collections.abc import Iterator
from typing import Final

from proofs.audit.rules import Found, Rule
from proofs.audit.rules.syntax import Module, called, names_in, said

_LOGGING: Final = {"debug", "info", "warning", "error", "exception", "critical", "log", "print"}
_UNPICKLING: Final = {
    "pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "torch",
}  # fmt: skip
_READ_AS_PICKLE: Final = {"read_pickle", "load_pickle"}
_ENCRYPTED_BY: Final = {"ProductionVariants": "KmsKeyId", "VolumeSizeInGB": "VolumeKmsKeyId"}
_BROAD: Final = {"Exception", "BaseException"}
_OPENING: Final = {"open", "Path", "download_file", "download_fileobj", "write_bytes", "write_text"}
_UNFORESEEN: Final = {
    "now", "utcnow", "today", "time", "time_ns", "gmtime", "localtime", "uuid1", "uuid4",
    "token_hex", "token_bytes", "token_urlsafe", "urandom", "getrandbits",
}  # fmt: skip
_RUNNING: Final = {"run", "Popen", "call", "check_call", "check_output", "system", "popen"}


def client_without_config(modules: list[Module]) -> Found:
    """A client waits and tries as long as boto3 likes, and that is longer than a Lambda lives."""
    for module in modules:
        for where, call in module.calls():
            of = ast.unparse(call.func)
            made = called(call) in ("client", "resource") and bool(call.args)
            made = made and ("session" in of.lower() or of.startswith("boto3."))
            told = any(keyword.arg in ("config", None) for keyword in call.keywords)
            if (made or called(call) == "create_client") and not told:
                yield where, f"{of} without config="


def event_logged(modules: list[Module]) -> Found:
    """A whole event in the log: what it carries is kept, and read by more people than should."""
    for module in modules:
        for where, call in _logging(module):
            given = [*call.args, *(k.value for k in call.keywords)]
            if any(_is_event(value) for value in given):
                yield where, f"{said(call.func)} gets the whole event"
        for where, call in module.calls():
            switched = any(k.arg == "log_event" and not _is(k.value, False) for k in call.keywords)
            if called(call) == "inject_lambda_context" and switched:
                yield where, "inject_lambda_context(log_event=True)"


def environment_logged(modules: list[Module]) -> Found:
    """The whole environment in the log, credentials included."""
    for module in modules:
        for where, call in _logging(module):
            given = [*call.args, *(k.value for k in call.keywords)]
            if any(_is_environment(value) for value in given):
                yield where, f"{said(call.func)} gets os.environ"


def key_as_path(modules: list[Module]) -> Found:
    """A name that somebody else chose becomes a path on this machine, or a command."""
    for module in modules:
        for function in module.outer_functions():
            tainted = _from_keys(function)
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and _leads_out(node):
                    of = [node.func.value] if isinstance(node.func, ast.Attribute) else []
                    given = [*of, *node.args, *(k.value for k in node.keywords if k.arg != "Key")]
                    if called(node) == "download_file":
                        given = given[3:]  # client, bucket and key: the file comes behind them
                    if any(_tainted(value, tainted) for value in given):
                        yield module.place(node.lineno), f"{ast.unparse(node.func)} gets a key"


def unpickled(modules: list[Module]) -> Found:
    """Code out of a file runs in a function, with the function's role."""
    for module in modules:
        for where, node in module.nodes():
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                if name.partition(".")[0] in _UNPICKLING:
                    yield where, f"imports {name}"
            if isinstance(node, ast.Call):
                allowed = any(
                    k.arg == "allow_pickle" and not _is(k.value, False) for k in node.keywords
                )
                if called(node) in _READ_AS_PICKLE or allowed:
                    yield where, f"{said(node.func)} unpickles"


def swallowed(modules: list[Module]) -> Found:
    """Any error at all is taken for success: no retry, no dead letter, nobody told."""
    for module in modules:
        for where, node in module.nodes():
            if isinstance(node, ast.ExceptHandler) and _is_broad(node.type):
                inside = [inner for statement in node.body for inner in ast.walk(statement)]
                raised = any(isinstance(inner, ast.Raise) for inner in inside)
                told = any(
                    isinstance(inner, ast.Name) and inner.id == node.name for inner in inside
                )
                logged = any(
                    isinstance(inner, ast.Call) and called(inner) == "exception" for inner in inside
                )
                if not (raised or told or logged):
                    yield where, "catches everything and does nothing with it"
        for where, call in module.calls():
            if called(call) == "suppress" and any(_is_broad(arg) for arg in call.args):
                yield where, "suppresses everything"


def own_clock(modules: list[Module]) -> Found:
    """A clock or chance of its own: the same event twice would be two answers, and two machines
    whose clocks differ would disagree. Moments come with the event, names from what they name.
    """
    for module in modules:
        for where, node in module.nodes():
            imported = isinstance(node, ast.Import) and any(a.name == "random" for a in node.names)
            if imported or (isinstance(node, ast.ImportFrom) and node.module == "random"):
                yield where, "imports random"
            elif isinstance(node, ast.Call) and called(node) in _UNFORESEEN:
                yield where, f"{said(node.func)}()"


def tls_off(modules: list[Module]) -> Found:
    """Whoever answers is believed."""
    for module in modules:
        for where, call in module.calls():
            for keyword in call.keywords:
                if keyword.arg in ("verify", "use_ssl", "check_hostname") and _is(
                    keyword.value, False
                ):
                    yield where, f"{said(call.func)}({keyword.arg}=False)"
            if called(call) == "_create_unverified_context":
                yield where, "a context that verifies nothing"


def volume_unencrypted(modules: list[Module]) -> Found:
    """A job's or an endpoint's volume is made without a thought of the stack's key."""
    for module in modules:
        for function in module.outer_functions():
            stored = {
                node.slice.value
                for node in ast.walk(function)
                if isinstance(node, ast.Subscript)
                and isinstance(node.ctx, ast.Store)
                and isinstance(node.slice, ast.Constant)
            }
            for node in ast.walk(function):
                if isinstance(node, ast.Dict):
                    keys = {key.value for key in node.keys if isinstance(key, ast.Constant)}
                    for asks, key in _ENCRYPTED_BY.items():
                        if asks in keys and key not in stored | keys:
                            yield module.place(node.lineno), f"{asks} without {key}"


def _logging(module: Module) -> Iterator[tuple[str, ast.Call]]:
    for where, call in module.calls():
        if called(call) in _LOGGING and said(call.func) != "math.log":
            yield where, call


def _is_event(value: ast.expr) -> bool:
    """Whether a value is an event whole, or its text."""
    if isinstance(value, ast.Call) and called(value) in ("dumps", "str", "repr", "dict"):
        return any(_is_event(arg) for arg in value.args)
    if isinstance(value, ast.JoinedStr):
        parts = [part.value for part in value.values if isinstance(part, ast.FormattedValue)]
        return any(_is_event(part) for part in parts)
    return isinstance(value, ast.Name) and value.id == "event"


def _is_environment(value: ast.expr) -> bool:
    """Whether a value holds os.environ whole; one variable of it is another matter."""
    inside = {
        id(node.value)
        for node in ast.walk(value)
        if isinstance(node, ast.Subscript | ast.Attribute)
    }
    return any(
        said(node) == "os.environ" and id(node) not in inside
        for node in ast.walk(value)
        if isinstance(node, ast.Attribute)
    )


def _from_keys(function: ast.AST) -> set[str]:
    """Return the names in a function that hold an S3 key, or something made of one."""
    tainted: set[str] = set()
    while True:
        before = len(tainted)
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and _tainted(node.value, tainted):
                tainted |= {n for target in node.targets for n in names_in(target)}
        if len(tainted) == before:
            return tainted


def _tainted(value: ast.expr, tainted: set[str]) -> bool:
    for node in ast.walk(value):
        if isinstance(node, ast.Name) and node.id in tainted:
            return True
        key = node.slice if isinstance(node, ast.Subscript) else None
        if isinstance(key, ast.Constant) and key.value in ("key", "Key"):
            return True
    return False


def _leads_out(call: ast.Call) -> bool:
    of = said(call.func)
    if called(call) in _RUNNING:
        return of.startswith(("subprocess.", "os."))
    return called(call) in _OPENING or of in ("tarfile.open", "zipfile.ZipFile", "os.path.join")


def _is_broad(kind: ast.expr | None) -> bool:
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(each is None or said(each) in _BROAD for each in kinds)


def _is(value: ast.expr, constant: bool) -> bool:
    return isinstance(value, ast.Constant) and value.value is constant


# Where the product holds credentials; a container of SageMaker's unpickles the model it was given.
OF_PRODUCT: Final[tuple[Rule, ...]] = (
    client_without_config,
    event_logged,
    environment_logged,
    key_as_path,
    swallowed,
    tls_off,
    volume_unencrypted,
)
OF_FUNCTIONS: Final[tuple[Rule, ...]] = (unpickled, own_clock)
