"""What the operations of Lambda share: the tables, the lock, the code, the environments."""

import sys
import threading
from typing import Any

from everloop_localcloud.functions.code import CodeStore
from everloop_localcloud.functions.environment import Plan
from everloop_localcloud.functions.names import function_name
from everloop_localcloud.functions.pool import Pool
from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import AwsError


class FunctionsState:
    """Records of functions and layers, by name."""

    def __init__(self, cloud: Account) -> None:
        self.cloud = cloud
        self.lock = threading.RLock()
        self.records = cloud.store.table("lambda.functions")
        self.layers = cloud.store.table("lambda.layers")
        folder = cloud.folder.resolve() / "lambda"
        self.code = CodeStore(folder)
        self.pool = Pool(cloud, folder / "environments")

    def record(self, given: str, qualifier: str | None = None) -> dict[str, Any]:
        """Return a function's record. Raises AwsError ResourceNotFoundException."""
        name = function_name(given, qualifier)
        known = self.records.get(name)
        if known is None:
            raise AwsError(
                "ResourceNotFoundException",
                f"Function not found: {self.function_arn(name)}",
                404,
                Type="User",
            )
        return known

    def function_arn(self, name: str) -> str:
        return self.cloud.arn("lambda", f"function:{name}")

    def plan(self, name: str) -> Plan:
        """Return what a new environment of the function is made from, as it is now."""
        with self.lock:
            record = dict(self.record(name))
        logging = record.get("LoggingConfig", {})
        task = self.code.task(record["CodeDigest"])
        opt = self.code.opt([layer["Digest"] for layer in record.get("Layers", [])])
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        variables = {
            "AWS_REGION": self.cloud.region,
            "AWS_DEFAULT_REGION": self.cloud.region,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{version}",
            "AWS_ENDPOINT_URL": self.cloud.url,
            **_logging_variables(logging),
            **record.get("Environment", {}).get("Variables", {}),
            **self.cloud.credentials.for_role(record["Role"], name, hours=24 * 365),
        }
        return Plan(
            function=name,
            revision=record["RevisionId"],
            handler=record["Handler"],
            timeout=float(record["Timeout"]),
            memory=record["MemorySize"],
            task=task,
            opt=opt,
            runtime=self.code.runtime(),
            variables=variables,
            log_group=logging.get("LogGroup", f"/aws/lambda/{name}"),
            role=record["Role"],
        )


def _logging_variables(logging: dict[str, Any]) -> dict[str, str]:
    if logging.get("LogFormat") != "JSON":
        return {}
    level = logging.get("ApplicationLogLevel", "INFO")
    return {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": level}
