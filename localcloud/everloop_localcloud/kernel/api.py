"""What every service of the local cloud is: operations, as botocore names and shapes them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from botocore import xform_name

from everloop_localcloud.kernel import reading, wire
from everloop_localcloud.kernel.access import trust
from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.errors import AwsError

Operation = Callable[[Call, dict[str, Any]], dict[str, Any] | None]
Method = TypeVar("Method", bound=Callable[..., Any])

_NOTHING: tuple[Any, ...] = (None, False, "", [], {})  # asking for nothing is asked of nobody
# botocore fills these in by itself. What needs them to be idempotent reads them.
TOKENS = {"ClientToken", "ClientRequestToken"}


def operation(function: Method) -> Method:
    """Expose a method `snake_case_operation(self, call, request) -> answer` as an AWS operation.

    `request` and the answer have botocore's member names; times are aware datetimes, blobs bytes.
    """
    function.is_operation = True  # type: ignore[attr-defined]
    return function


def refuse(
    service: str, operation_name: str, unread: frozenset[str], request: dict[str, Any]
) -> None:
    """Raise AwsError for what a request asks for by parameters that nothing reads."""
    asked = [name for name in request if name in unread and request[name] not in _NOTHING]
    if asked:
        names = ", ".join(sorted(asked))
        trouble = f"the local cloud's {service}:{operation_name} does not honour {names}"
        raise AwsError("NotImplemented", f"{trouble}: leave it out", 501)


class Api:
    """One AWS service. Subclasses name it as boto3 does and mark their operations.

    `partial` says, per operation, what is missing of what AWS does. `reads` declares, per
    operation, the parameters that its code reads; any other one is refused by name, unless it is in
    `without_effect` (taken, and why that does no harm). A test finds in the code what is read, but
    for `also_read`: names that code puts together, or that are kept without being looked at.
    """

    service: ClassVar[str]
    partial: ClassVar[dict[str, str]] = {}
    reads: ClassVar[Mapping[str, frozenset[str]]] = {}
    also_read: ClassVar[frozenset[str]] = frozenset()
    without_effect: ClassVar[dict[str, str]] = {}

    def __init__(self, cloud: Account, parts: Sequence[object] = ()) -> None:
        """`parts` have operations, too; one operation is one part's, or the Api's own."""
        self.cloud = cloud
        names = {
            xform_name(name): name for name in wire.service_model(self.service).operation_names
        }
        self.operations: dict[str, Operation] = {}
        self._refused: dict[str, frozenset[str]] = {}
        for holder in (self, *parts):
            for attribute in dir(type(holder)):
                method = getattr(type(holder), attribute)
                if not getattr(method, "is_operation", False):
                    continue
                if attribute not in names:
                    raise TypeError(f"{self.service} has no operation {attribute}")
                if names[attribute] in self.operations:
                    raise TypeError(f"{self.service}:{names[attribute]} is that of two parts")
                self.operations[names[attribute]] = getattr(holder, attribute)

    def start(self) -> None:
        """Take up what was under way when the cloud last ended; called once, after loading."""

    def stop(self) -> None:
        """Let go of threads and processes; called once, before the state closes."""

    def perform(self, call: Call, operation_name: str, request: dict[str, Any]) -> dict[str, Any]:
        """Run one operation. Raises AwsError, also for what this cloud does not answer."""
        method = self.operations.get(operation_name)
        if method is None:
            raise AwsError(
                "NotImplemented",
                f"the local cloud does not answer {self.service}:{operation_name}",
                501,
            )
        wire.check_input(self.service, operation_name, request)
        refuse(self.service, operation_name, self.refused(operation_name), request)
        self.cloud.roles.check(call.principal, self.service, operation_name, request)
        trust.check(self.cloud, self.service, operation_name, request)
        with self.cloud.quotas.spending(self.service, operation_name, request):
            try:
                answer = method(call, request) or {}
            except KeyError as error:
                raise self._absent(operation_name, request, error) from error
        if self.cloud.strict:
            wire.check_output(self.service, operation_name, answer)
        return answer

    def _absent(self, operation_name: str, request: dict[str, Any], error: KeyError) -> Exception:
        """Return the error of a parameter that AWS's model lets be left out, and AWS does not."""
        name = error.args[0] if error.args else None
        shape = wire.service_model(self.service).operation_model(operation_name).input_shape
        if shape is None or name not in shape.members or name in request:
            return error
        return AwsError("ValidationException", f"{operation_name} needs {name}")

    def refused(self, operation_name: str) -> frozenset[str]:
        """Return the parameters of an operation that nothing reads, and that are thus refused."""
        found = self._refused.get(operation_name)
        if found is None:
            method: Any = self.operations[operation_name]
            members = members_of(self.service, operation_name)
            if not method.__module__.startswith("everloop_localcloud."):
                members = frozenset()  # somebody else's code is not ours to judge
            read = self.reads.get(operation_name, frozenset())
            found = members - read - self.without_effect.keys()
            self._refused[operation_name] = found
        return found

    def looked_for(self, operation_name: str) -> frozenset[str]:
        """Return the parameters that an operation's code looks for: what `reads` should declare."""
        method: Any = self.operations[operation_name]
        members = members_of(self.service, operation_name) - self.without_effect.keys()
        texts = reading.texts_of(method.__self__, method)
        return members & (texts | self.also_read | TOKENS)


def members_of(service: str, operation_name: str) -> frozenset[str]:
    shape = wire.service_model(service).operation_model(operation_name).input_shape
    return frozenset(shape.members if shape is not None else ())
