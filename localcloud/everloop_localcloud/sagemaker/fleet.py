"""A fleet: the instances that serve one endpoint config, and which of them gets a request."""

import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from everloop_localcloud.kernel.account import Account
from everloop_localcloud.sagemaker import serverless
from everloop_localcloud.sagemaker.instance import STOP_SECONDS, Answer, Instance, NotHealthy

Record = dict[str, Any]


class Fleet:
    """All instances of one endpoint config, by variant.

    However many instances a variant asks for, it has at most as many processes as there are cores.
    A serverless one has a process while it is asked, and some minutes more.
    """

    def __init__(self, cloud: Account, endpoint: str, deployed: Record) -> None:
        self.deployed = deployed
        self.variants = {v["VariantName"]: dict(v) for v in deployed["Variants"]}
        self._cloud = cloud
        self._endpoint = endpoint
        self._instances: dict[str, list[Instance]] = {name: [] for name in self.variants}
        self._busy = 0
        self._inside = Counter[str]()  # requests of a serverless variant
        self._asked = cloud.clock.now()
        self._cold = threading.Lock()
        self._changed = threading.Condition()
        self._stopped = False

    @property
    def instance_types(self) -> list[str]:
        return [variant["InstanceType"] for variant in self.variants.values()]

    def start(self) -> None:
        """Start all instances, side by side. Raises NotHealthy; nothing is left then."""
        wanted = {name: variant["Count"] for name, variant in self.variants.items()}
        try:
            self._add(wanted)
        except Exception:
            self.stop()
            raise

    def resize(self, counts: dict[str, int], weights: dict[str, float]) -> None:
        """Start or end instances of variants, and then weigh them.

        Raises NotHealthy where an instance does not come up; all is as it was then.
        """
        self._add(counts)
        surplus: list[Instance] = []
        with self._changed:
            for name, weight in weights.items():
                self.variants[name]["Weight"] = weight
            for name, count in counts.items():
                self.variants[name]["Count"] = count
                kept = _processes(count)
                surplus += self._instances[name][kept:]
                self._instances[name] = self._instances[name][:kept]
            self._changed.wait_for(lambda: not any(one.busy for one in surplus), STOP_SECONDS)
        for instance in surplus:
            instance.stop()

    def invoke(self, variant: str, body: bytes, headers: dict[str, str]) -> Answer:
        """Have the least busy instance of a variant answer. 503 where none is up.

        Raises AwsError where a serverless variant answers as many as it may already.
        """
        config = self.variants[variant].get("Serverless")
        if config is None:
            return self._invoke(variant, body, headers)
        with self._changed:
            if self._inside[variant] >= config["MaxConcurrency"]:
                raise serverless.throttled()
            self._inside[variant] += 1
        try:
            with self._cold:
                self._add({variant: 1})
            return self._invoke(variant, body, headers)
        except NotHealthy as error:
            return Answer(503, "text/plain", str(error).encode())
        finally:
            with self._changed:
                self._inside[variant] -= 1
                self._asked = self._cloud.clock.now()

    def rest(self) -> None:
        """End the processes of serverless variants that nobody has asked for long."""
        ended: list[Instance] = []
        with self._changed:
            idle = (self._cloud.clock.now() - self._asked).total_seconds()
            for name, variant in self.variants.items():
                config = variant.get("Serverless") or {"ProvisionedConcurrency": 1}
                warm = self._inside[name] or config.get("ProvisionedConcurrency")
                if not warm and idle > serverless.IDLE_SECONDS:
                    ended += self._instances[name]
                    self._instances[name] = []
        for instance in ended:
            instance.stop()

    def _invoke(self, variant: str, body: bytes, headers: dict[str, str]) -> Answer:
        with self._changed:
            there = [instance for instance in self._instances[variant] if instance.up]
            if not there:
                return Answer(503, "text/plain", b"no model server is up; see its log")
            instance = min(there, key=lambda one: one.busy)
            instance.busy += 1
        try:
            return instance.invoke(body, headers)
        finally:
            with self._changed:
                instance.busy -= 1
                self._changed.notify_all()

    def enter(self) -> None:
        """Count a request in: until it leaves, `drain` waits."""
        with self._changed:
            self._busy += 1

    def leave(self) -> None:
        with self._changed:
            self._busy -= 1
            self._changed.notify_all()

    def drain(self, seconds: float) -> None:
        """Wait, at most so many real seconds, until every request has its answer."""
        with self._changed:
            self._changed.wait_for(lambda: not self._busy, seconds)

    def stop(self, grace: float = STOP_SECONDS) -> None:
        with self._changed:
            self._stopped = True
            instances = [one for some in self._instances.values() for one in some]
        if instances:
            with ThreadPoolExecutor(len(instances)) as pool:
                list(pool.map(lambda instance: instance.stop(grace), instances))

    def _add(self, counts: dict[str, int]) -> None:
        """Start what is missing to these counts; what is up already stays as it is."""
        fresh: list[Instance] = []
        with self._changed:
            if self._stopped:
                return
            for name, count in counts.items():
                for _ in range(len(self._instances[name]), _processes(count)):
                    instance = Instance(self._cloud, self._endpoint, self.variants[name])
                    self._instances[name].append(instance)
                    fresh.append(instance)
        if not fresh:
            return
        with ThreadPoolExecutor(len(fresh)) as pool:
            started = [pool.submit(instance.start) for instance in fresh]
        failed = [future.exception() for future in started if future.exception()]
        if failed:
            with self._changed:
                for name, some in self._instances.items():
                    self._instances[name] = [one for one in some if one not in fresh]
            for instance in fresh:
                instance.stop()
            assert failed[0] is not None
            raise failed[0]


def _processes(count: int) -> int:
    return min(count, os.cpu_count() or 1)
