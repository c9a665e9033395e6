"""What answers for an endpoint: the fleet in service, perhaps a new one beside it."""

import logging
import random
import threading
import time
from dataclasses import dataclass
from typing import Any

from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.sagemaker import serverless
from everloop_localcloud.sagemaker.capture import Capture, Journal
from everloop_localcloud.sagemaker.fleet import Fleet
from everloop_localcloud.sagemaker.instance import ANSWER_SECONDS, STOP_SECONDS, Answer
from everloop_localcloud.sagemaker.invocation_metrics import InvocationMetrics

Record = dict[str, Any]
log = logging.getLogger(__name__)

_FLUSH_SECONDS = (1.0, 15.0)  # at most so many real, and so many of the cloud's seconds


@dataclass(frozen=True)
class Invocation:
    """One request to an endpoint, as it goes to the model; `began` is of time.perf_counter."""

    body: bytes
    headers: dict[str, str]
    began: float
    variant: str | None = None
    inference_id: str | None = None
    attributes: str | None = None


class Host:
    """Routes requests by traffic share and variant weight; counts and captures them."""

    def __init__(self, cloud: Account, name: str, journal: Journal) -> None:
        self._cloud = cloud
        self._name = name
        self._lock = threading.Lock()
        self._random = random.Random(name)
        self._fleet: Fleet | None = None
        self._incoming: Fleet | None = None
        self._share = 0.0
        self._serving = threading.Event()
        self._metrics = InvocationMetrics(cloud, name)
        self._capture = Capture(cloud, name, journal)
        self._ended = threading.Event()
        self._flusher = threading.Thread(target=self._flush, name=f"flush {name}", daemon=True)
        self._flusher.start()

    @property
    def fleet(self) -> Fleet:
        """The fleet in service; during a deployment the old one. Only once `serves`."""
        assert self._fleet is not None
        return self._fleet

    @property
    def serves(self) -> bool:
        """Whether a fleet is in service; not yet, for a moment, after a restart of the cloud."""
        return self._serving.is_set()

    def serve(self, fleet: Fleet) -> Fleet | None:
        """Give all traffic to this fleet; returns the one that served before."""
        with self._lock:
            before, self._fleet = self._fleet, fleet
            self._incoming, self._share = None, 0.0
        self._serving.set()
        return before

    def shift(self, incoming: Fleet | None, share: float) -> None:
        """Give a share of the traffic to a new fleet beside the one in service."""
        with self._lock:
            self._incoming, self._share = incoming, share

    def invoke(self, call: Invocation) -> tuple[Answer, str]:
        """Answer a request; returns the answer and the variant that gave it."""
        if not self._serving.wait(ANSWER_SECONDS):  # after a restart of the cloud
            raise AwsError("ServiceUnavailable", f"Endpoint {self._name} is starting.", 503)
        fleet, variant = self._route(call.variant)
        try:
            serverless.check_size(fleet.deployed, call.body)
            began = time.perf_counter()
            answer = fleet.invoke(variant, call.body, call.headers)
            model = time.perf_counter() - began
        finally:
            fleet.leave()
        overhead = time.perf_counter() - call.began - model
        config = fleet.deployed["EndpointConfigName"]
        count = fleet.variants[variant]["Count"]
        self._metrics.count(variant, config, answer.status, model, overhead, count)
        if 200 <= answer.status < 300:
            self._capture.take(
                fleet.deployed,
                variant,
                (call.headers["Content-Type"], call.body),
                (answer.content_type, answer.body),
                inference_id=call.inference_id,
                attributes=call.attributes,
            )
        return answer, variant

    def stop(self, grace: float = STOP_SECONDS) -> list[Fleet]:
        """Write what was counted and captured, and end the fleets; returns them."""
        self._ended.set()
        self._flusher.join()
        with self._lock:
            fleets = [fleet for fleet in (self._fleet, self._incoming) if fleet is not None]
        for fleet in fleets:
            fleet.drain(grace)
            fleet.stop(grace)
        self._write(everything=True)
        return fleets

    def _route(self, wanted: str | None) -> tuple[Fleet, str]:
        with self._lock:
            fleets = [self.fleet]
            if self._incoming is not None:
                fleets.insert(int(self._random.random() >= self._share), self._incoming)
            if wanted is not None:
                fleets = [fleet for fleet in fleets if wanted in fleet.variants]
            if not fleets:
                raise AwsError(
                    "ValidationError", f"Variant {wanted} of endpoint {self._name} not found."
                )
            fleet = fleets[0]
            variant = wanted or self._drawn(fleet)
            fleet.enter()
        return fleet, variant

    def _drawn(self, fleet: Fleet) -> str:
        names = [str(name) for name in fleet.variants]
        if len(names) == 1:
            return names[0]
        weights = [fleet.variants[name]["Weight"] for name in names]
        return self._random.choices(names, weights)[0]

    def _flush(self) -> None:
        real, cloud = _FLUSH_SECONDS
        while not self._ended.wait(min(real, self._cloud.clock.real(cloud))):
            try:
                self._write()
            except Exception:  # the next write may succeed; requests are answered all the same
                log.exception("metrics or captures of endpoint %s were not written", self._name)

    def _write(self, *, everything: bool = False) -> None:
        if self.serves:
            self.fleet.rest()
        self._metrics.flush()
        self._capture.flush(everything=everything)
