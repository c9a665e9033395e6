"""Lambda: functions, and all that hangs on them."""

from typing import Any, ClassVar

from everloop_localcloud.functions import records, role
from everloop_localcloud.functions.code import LARGEST_UNPACKED, sha256_of
from everloop_localcloud.functions.environment import Outcome
from everloop_localcloud.functions.invocations import Invocations
from everloop_localcloud.functions.layers import Layers
from everloop_localcloud.functions.mappings import Mappings
from everloop_localcloud.functions.metrics import Metrics
from everloop_localcloud.functions.pages import paged
from everloop_localcloud.functions.permissions import Permissions
from everloop_localcloud.functions.queue import EventQueue
from everloop_localcloud.functions.reads import READS
from everloop_localcloud.functions.settings import Settings
from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError

_LARGEST_ZIP = 52_428_800


class Functions(Mappings, Permissions, Settings, Layers, Invocations):
    """The operations on functions themselves; the others are its bases."""

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
        super().__init__(cloud)
        self.metrics = Metrics(cloud)
        self.queue = EventQueue(
            cloud, self.pool.limit, self._run_event, self._event_settings, self.metrics.count
        )

    def start(self) -> None:
        self._forget_old_code()
        self.metrics.start()
        self.queue.start()
        self.start_mappings()

    def stop(self) -> None:
        self.stop_mappings()
        self.queue.stop()
        self.metrics.stop()
        self.pool.close()

    def _forget_old_code(self) -> None:
        digests = {record["CodeDigest"] for record in self.records.values()}
        layered = [[one["Digest"] for one in record["Layers"]] for record in self.records.values()]
        digests |= {digest for layers in layered for digest in layers}
        for layer in self.layers.values():
            digests |= {version["Digest"] for version in layer["Versions"].values()}
        self.code.keep_only(digests, layered)

    def _run_event(self, name: str, payload: bytes, request_id: str) -> Outcome:
        return self.run(name, payload, request_id=request_id)[0]

    def _event_settings(self, name: str) -> dict[str, Any] | None:
        with self.lock:
            record = self.records.get(name)
            if record is None:
                return None
            return {
                "FunctionArn": record["FunctionArn"],
                "Role": record["Role"],
                "DeadLetterConfig": record.get("DeadLetterConfig", {}),
                **record.get("EventInvokeConfig", {}),
            }

    @operation
    def create_function(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        records.refuse_unsupported(request)
        name = request["FunctionName"]
        arn = self.function_arn(name)
        if name in self.records:
            raise _exists(name)
        record = records.new(request, arn)
        records.check(record)
        role.check_tracing(self.cloud, record)
        record["Layers"] = self.resolve_layers(request.get("Layers", []))
        record |= self._stored(request["Code"])
        self._check_size(record)
        records.touch(record, call.time)
        with self.lock:
            if name in self.records:
                raise _exists(name)
            self.records[name] = record
        return records.shown(record)

    @operation
    def update_function_code(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        records.refuse_unsupported(request)
        record = self.record(request["FunctionName"])
        self._check_revision(record, request)
        stored = self._stored(request)
        if request.get("DryRun"):
            return records.shown({**record, **stored})
        with self.lock:
            changed = record["CodeSha256"] != stored["CodeSha256"]
            record |= stored
            if "Architectures" in request:
                record["Architectures"] = request["Architectures"]
            self._check_size(record)
            self._save(call, record)
        if changed:
            self.pool.replace(record["FunctionName"])
        return records.shown(record)

    @operation
    def update_function_configuration(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        records.refuse_unsupported(request)
        with self.lock:
            record = self.record(request["FunctionName"])
            self._check_revision(record, request)
            wanted = dict(record)
            records.merge(wanted, request)
            records.check(wanted)
            role.check_tracing(self.cloud, wanted)
            if "Layers" in request:
                wanted["Layers"] = self.resolve_layers(request["Layers"])
                self._check_size(wanted)
            record |= wanted
            self._save(call, record)
        self.pool.replace(record["FunctionName"])
        return records.shown(record)

    @operation
    def get_function(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        record = self.record(request["FunctionName"], request.get("Qualifier"))
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
        return records.shown(self.record(request["FunctionName"], request.get("Qualifier")))

    @operation
    def list_functions(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            names = sorted(self.records)
            page, marker = paged(names, request, 50)
            answer: dict[str, Any] = {
                "Functions": [records.shown(self.records[name]) for name in page]
            }
        if marker:
            answer["NextMarker"] = marker
        return answer

    @operation
    def delete_function(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            name = self.record(request["FunctionName"], request.get("Qualifier"))["FunctionName"]
            del self.records[name]
        self.pool.replace(name)
        return {"StatusCode": 204}

    @operation
    def get_account_settings(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            everything = list(self.records.values())
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
        with self.lock:
            record = self._tagged(request["Resource"])
            record["Tags"] = {**record["Tags"], **request["Tags"]}
            self.tagged_table(request["Resource"]).save(self._tag_key(record))

    @operation
    def untag_resource(self, call: Call, request: dict[str, Any]) -> None:
        with self.lock:
            record = self._tagged(request["Resource"])
            gone = set(request["TagKeys"])
            record["Tags"] = {k: v for k, v in record["Tags"].items() if k not in gone}
            self.tagged_table(request["Resource"]).save(self._tag_key(record))

    def _tagged(self, arn: str) -> dict[str, Any]:
        if ":event-source-mapping:" in arn:
            return self.mapping(arn.rpartition(":")[2])
        return self.record(arn)

    def tagged_table(self, arn: str) -> Any:
        return self.mappings if ":event-source-mapping:" in arn else self.records

    @staticmethod
    def _tag_key(record: dict[str, Any]) -> str:
        return str(record.get("UUID") or record["FunctionName"])

    def _stored(self, code: dict[str, Any]) -> dict[str, Any]:
        content = self.zip_content(code)
        digest, unpacked = self.code.put(content)
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
        self.records.save(record["FunctionName"])

    @staticmethod
    def _check_revision(record: dict[str, Any], request: dict[str, Any]) -> None:
        wanted = request.get("RevisionId")
        if wanted and wanted != record["RevisionId"]:
            raise AwsError(
                "PreconditionFailedException",
                "The RevisionId provided does not match the latest RevisionId. Call the "
                "GetFunction/GetAlias API to retrieve the latest RevisionId",
                412,
                Type="User",
            )


def _exists(name: str) -> AwsError:
    return AwsError(
        "ResourceConflictException", f"Function already exist: {name}", 409, Type="User"
    )
