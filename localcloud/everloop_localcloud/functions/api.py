"""Lambda: functions, and all that hangs on them."""

from typing import Any, ClassVar

from everloop_localcloud.functions import records, role
from everloop_localcloud.functions.code import LARGEST_UNPACKED, sha256_of
from everloop_localcloud.functions.invocations import Invocations
from everloop_localcloud.functions.layers import Layers
from everloop_localcloud.functions.mappings import Mappings
from everloop_localcloud.functions.pages import paged
from everloop_localcloud.functions.permissions import Permissions
from everloop_localcloud.functions.reads import READS
from everloop_localcloud.functions.settings import Settings
from everloop_localcloud.functions.state import FunctionsState
from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import Api, operation
from everloop_localcloud.kernel.errors import AwsError

_LARGEST_ZIP = 52_428_800


class Functions(Api):
    """The operations on functions themselves; its parts have the others."""

    service = "lambda"
    reads = READS

    partial: ClassVar[dict[str, str]] = {
        "CreateFunction": "Python zips only; they run on the interpreter that runs the cloud, "
        "whatever Runtime and Architectures say; MemorySize and EphemeralStorage are not enforced; "
        "TracingConfig is kept, no traces are written; KMSKeyArn is kept, nothing is encrypted",
        "GetFunction": "Code has no Location to download from",
        "Invoke": "the Timeout counts real seconds, also in a cloud whose clock runs faster; a "
        "layer's files are on sys.path and not below /opt",
        "CreateEventSourceMapping": "SQS queues only",
        "AddPermission": "kept and shown; it decides for callers that are AWS services, without "
        "the conditions",
    }

    def __init__(self, cloud: Account) -> None:
        self.state = state = FunctionsState(cloud)
        self._invocations = Invocations(state)
        self._mappings = Mappings(state, self._invocations)
        self._layers = Layers(state)
        others = (Permissions(state), Settings(state))
        super().__init__(cloud, (self._invocations, self._mappings, self._layers, *others))

    def start(self) -> None:
        self._forget_old_code()
        self._invocations.start()
        self._mappings.start()

    def stop(self) -> None:
        self._mappings.stop()
        self._invocations.stop()
        self.state.pool.close()

    def runs(self, arn: str, payload: bytes) -> bool:
        """Whether a function has taken a payload as an event, and has not ended it yet."""
        return self._invocations.queue.holds(
            arn.partition(":function:")[2].partition(":")[0], payload
        )

    def _forget_old_code(self) -> None:
        digests = {record["CodeDigest"] for record in self.state.records.values()}
        layered = [
            [one["Digest"] for one in record["Layers"]] for record in self.state.records.values()
        ]
        digests |= {digest for layers in layered for digest in layers}
        for layer in self.state.layers.values():
            digests |= {version["Digest"] for version in layer["Versions"].values()}
        self.state.code.keep_only(digests, layered)

    @operation
    def create_function(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        records.refuse_unsupported(request)
        name = request["FunctionName"]
        arn = self.state.function_arn(name)
        if name in self.state.records:
            raise _exists(name)
        record = records.new(request, arn)
        records.check(record)
        role.check_tracing(self.cloud, record)
        record["Layers"] = self._layers.resolve_layers(request.get("Layers", []))
        record |= self._stored(request["Code"])
        self._check_size(record)
        records.touch(record, call.time)
        with self.state.lock:
            if name in self.state.records:
                raise _exists(name)
            self.state.records[name] = record
        return records.shown(record)

    @operation
    def update_function_code(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        records.refuse_unsupported(request)
        record = self.state.record(request["FunctionName"])
        records.check_revision(record["RevisionId"], request, "GetFunction/GetAlias")
        stored = self._stored(request)
        if request.get("DryRun"):
            return records.shown({**record, **stored})
        with self.state.lock:
            changed = record["CodeSha256"] != stored["CodeSha256"]
            record |= stored
            if "Architectures" in request:
                record["Architectures"] = request["Architectures"]
            self._check_size(record)
            self._save(call, record)
        if changed:
            self.state.pool.replace(record["FunctionName"])
        return records.shown(record)

    @operation
    def update_function_configuration(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        records.refuse_unsupported(request)
        with self.state.lock:
            record = self.state.record(request["FunctionName"])
            records.check_revision(record["RevisionId"], request, "GetFunction/GetAlias")
            wanted = dict(record)
            records.merge(wanted, request)
            records.check(wanted)
            role.check_tracing(self.cloud, wanted)
            if "Layers" in request:
                wanted["Layers"] = self._layers.resolve_layers(request["Layers"])
                self._check_size(wanted)
            record |= wanted
            self._save(call, record)
        self.state.pool.replace(record["FunctionName"])
        return records.shown(record)

    @operation
    def get_function(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        record = self.state.record(request["FunctionName"], request.get("Qualifier"))
        answer: dict[str, Any] = {
            "Configuration": records.shown(record),
            "Code": {"RepositoryType": "S3"},
            "Tags": record["Tags"],
        }
        if "ReservedConcurrentExecutions" in record:
            answer["Concurrency"] = {
                "ReservedConcurrentExecutions": record["ReservedConcurrentExecutions"]
            }
        return answer

    @operation
    def get_function_configuration(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        return records.shown(self.state.record(request["FunctionName"], request.get("Qualifier")))

    @operation
    def list_functions(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        with self.state.lock:
            names = sorted(self.state.records)
            page, marker = paged(names, request, 50)
            answer: dict[str, Any] = {
                "Functions": [records.shown(self.state.records[name]) for name in page]
            }
        if marker:
            answer["NextMarker"] = marker
        return answer

    @operation
    def delete_function(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        with self.state.lock:
            name = self.state.record(request["FunctionName"], request.get("Qualifier"))[
                "FunctionName"
            ]
            del self.state.records[name]
        self.state.pool.replace(name)
        return {"StatusCode": 204}

    @operation
    def get_account_settings(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        with self.state.lock:
            everything = list(self.state.records.values())
        reserved = sum(one.get("ReservedConcurrentExecutions", 0) for one in everything)
        return {
            "AccountLimit": {
                "TotalCodeSize": 80_530_636_800,
                "CodeSizeUnzipped": LARGEST_UNPACKED,
                "CodeSizeZipped": _LARGEST_ZIP,
                "ConcurrentExecutions": 1000,
                "UnreservedConcurrentExecutions": 1000 - reserved,
            },
            "AccountUsage": {
                "TotalCodeSize": sum(one["CodeSize"] for one in everything),
                "FunctionCount": len(everything),
            },
        }

    @operation
    def list_tags(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        return {"Tags": self._tagged(request["Resource"])["Tags"]}

    @operation
    def tag_resource(self, call: Call, request: dict[str, Any]) -> None:
        with self.state.lock:
            record = self._tagged(request["Resource"])
            record["Tags"] = {**record["Tags"], **request["Tags"]}
            self.tagged_table(request["Resource"]).save(self._tag_key(record))

    @operation
    def untag_resource(self, call: Call, request: dict[str, Any]) -> None:
        with self.state.lock:
            record = self._tagged(request["Resource"])
            gone = set(request["TagKeys"])
            record["Tags"] = {k: v for k, v in record["Tags"].items() if k not in gone}
            self.tagged_table(request["Resource"]).save(self._tag_key(record))

    def _tagged(self, arn: str) -> dict[str, Any]:
        if ":event-source-mapping:" in arn:
            return self._mappings.mapping(arn.rpartition(":")[2])
        return self.state.record(arn)

    def tagged_table(self, arn: str) -> Any:
        return self._mappings.mappings if ":event-source-mapping:" in arn else self.state.records

    @staticmethod
    def _tag_key(record: dict[str, Any]) -> str:
        return str(record.get("UUID") or record["FunctionName"])

    def _stored(self, code: dict[str, Any]) -> dict[str, Any]:
        content = self._layers.zip_content(code)
        digest, unpacked = self.state.code.put(content)
        return {
            "CodeSha256": sha256_of(content),
            "CodeDigest": digest,
            "CodeSize": len(content),
            "Unpacked": unpacked,
        }

    def _check_size(self, record: dict[str, Any]) -> None:
        total = record["Unpacked"] + sum(layer["Unpacked"] for layer in record["Layers"])
        if total > LARGEST_UNPACKED:
            raise records.invalid(
                f"Function code combined with layers exceeds the maximum allowed size of "
                f"{LARGEST_UNPACKED} bytes. The actual size is {total} bytes."
            )

    def _save(self, call: Call, record: dict[str, Any]) -> None:
        records.touch(record, call.time)
        self.state.records.save(record["FunctionName"])


def _exists(name: str) -> AwsError:
    return AwsError(
        "ResourceConflictException", f"Function already exist: {name}", 409, Type="User"
    )
