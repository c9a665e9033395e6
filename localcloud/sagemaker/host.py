"""What answers for an endpoint: the fleet in service, one that is coming, metrics and capture."""

import random
import threading
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from localcloud.sagemaker.capture import Capture
from localcloud.sagemaker.fleet import Fleet

if TYPE_CHECKING:
    from localcloud.cloud import Cloud

_FLUSH_SECONDS = 1.0  # real


class Host:
    """Routes requests to fleets by traffic share and variant weight."""

    def __init__(self, cloud: "Cloud", name: str, fleet: Fleet) -> None:
        self._cloud = cloud
        self._name = name
        self.fleet = fleet
        self.incoming: Fleet | None = None
        self.share = 0.0
        self._random = random.Random(name)
        self._lock = threading.Lock()
        self._told: dict[tuple[str, str, str], list[float]] = defaultdict(list)
        self._capture = Capture(cloud, name)
        self._ended = threading.Event()
        threading.Thread(target=self._flush, name=f"flush {name}", daemon=True).start()

    def invoke(
        self, body: bytes, headers: dict[str, str], *, variant: str | None, inference_id: str | None
    ) -> tuple[int, str, bytes, str]:
        """Answer a request: status, content type, body, variant."""
        with self._lock:
            draw, weigh = self._random.random(), self._random.random()
        incoming = self.incoming
        fleet = incoming if incoming is not None and draw < self.share else self.fleet
        name = variant or _weighted(fleet.config["ProductionVariants"], weigh)
        began = time.perf_counter()
        status, content_type, answer = fleet.invoke(name, body, headers)
        microseconds = (time.perf_counter() - began) * 1e6
        config = fleet.config["EndpointConfigName"]
        with self._lock:
            self._told[name, config, "ModelLatency"].append(microseconds)
            for metric, counted in (
                ("Invocations", 1.0),
                ("Invocation4XXErrors", float(400 <= status < 500)),
                ("Invocation5XXErrors", float(status >= 500)),
            ):
                self._told[name, config, metric].append(counted)
        if status < 400:
            self._capture.take(
                fleet.config, name, headers, body, content_type, answer, inference_id
            )
        return status, content_type, answer, name

    def stop(self) -> None:
        """End both fleets; what was captured and counted is written first."""
        self._ended.set()
        self._write()
        self.fleet.stop()
        if self.incoming is not None:
            self.incoming.stop()

    def _flush(self) -> None:
        while not self._ended.wait(_FLUSH_SECONDS):
            self._write()

    def _write(self) -> None:
        with self._lock:
            told, self._told = self._told, defaultdict(list)
        self._capture.flush()
        if not told or "cloudwatch" not in self._cloud.apis:
            return
        data: list[dict[str, Any]] = []
        for (variant, config, metric), values in told.items():
            own = [
                {"Name": "EndpointName", "Value": self._name},
                {"Name": "VariantName", "Value": variant},
            ]
            unit = "Microseconds" if metric == "ModelLatency" else "None"
            counts: dict[float, float] = defaultdict(float)
            for value in values:
                counts[value] += 1
            for begin in range(0, len(counts), 150):  # the API's limit of values per datum
                part = dict(list(counts.items())[begin : begin + 150])
                for dimensions in (own, [*own, {"Name": "EndpointConfigName", "Value": config}]):
                    data.append(
                        {
                            "MetricName": metric,
                            "Dimensions": dimensions,
                            "Values": list(part),
                            "Counts": list(part.values()),
                            "Unit": unit,
                        }
                    )
        for begin in range(0, len(data), 500):
            request = {"Namespace": "AWS/SageMaker", "MetricData": data[begin : begin + 500]}
            self._cloud.call("cloudwatch", "PutMetricData", request)


def _weighted(variants: list[dict[str, Any]], draw: float) -> str:
    whole = sum(variant["InitialVariantWeight"] for variant in variants)
    at = draw * whole
    for variant in variants:
        at -= variant["InitialVariantWeight"]
        if at < 0:
            return str(variant["VariantName"])
    return str(variants[-1]["VariantName"])
