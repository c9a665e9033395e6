"""What endpoints do in the background: start, deploy, scale, end, and come up again."""

import shutil
import threading
from typing import Any

from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import validation
from everloop_localcloud.kernel.store import Table
from everloop_localcloud.sagemaker import deployment_policy, hosting_events
from everloop_localcloud.sagemaker.capture import Journal
from everloop_localcloud.sagemaker.deployment import Deployment, Interrupted, RolledBack
from everloop_localcloud.sagemaker.endpoint_records import described, move_pending
from everloop_localcloud.sagemaker.fleet import Fleet
from everloop_localcloud.sagemaker.host import Host
from everloop_localcloud.sagemaker.instance import NotHealthy
from everloop_localcloud.sagemaker.part import Part, Records
from everloop_localcloud.sagemaker.tag_store import TagStore

Record = dict[str, Any]

_LONGEST_REASON = 1024
_CLOUD_STOP_SECONDS = 1.0  # real: what a server has to end when the whole cloud stops


class Hosting(Part):
    """The processes behind endpoints; each change runs on a thread of its own."""

    def __init__(self, cloud: Account, tags: TagStore, endpoints: Table) -> None:
        super().__init__(cloud)
        self._tags = tags
        self._endpoints = endpoints
        self.hosts: dict[str, Host] = {}  # what serves now, by endpoint name
        self._fleets: set[Fleet] = set()  # all that have, or are about to have, processes
        self._turns: dict[str, threading.Lock] = {}
        self._stopping = cloud.clock.signal()
        self._journal = Journal(cloud)

    def records(self) -> dict[str, Records]:
        return {"endpoint": self._endpoints}

    def start(self) -> None:
        """Bring endpoints up again; a change that was under way begins again."""
        shutil.rmtree(self.cloud.folder / "serving", ignore_errors=True)
        self.cloud.spawn(self._journal.upload_left, name="captures")
        for name, endpoint in list(self._endpoints.items()):
            status = endpoint["EndpointStatus"]
            if status == "Deleting":
                self._forget(name)
                continue
            change = {"Creating": self.create, "InService": self.resume}.get(status)
            if status == "Updating":
                change = self.scale if "variants" in endpoint["pending"] else self.update
            if change is not None:
                if status != "Creating":  # requests wait for it
                    self.hosts[name] = Host(self.cloud, name, self._journal)
                self.cloud.spawn(change, name, name=f"endpoint {name}")

    def stop(self) -> None:
        """End all processes; what was captured and counted is written first."""
        self._stopping.set()
        for host in list(self.hosts.values()):
            host.stop(_CLOUD_STOP_SECONDS)
        for fleet in list(self._fleets):
            fleet.stop(_CLOUD_STOP_SECONDS)

    def endpoint(self, name: str) -> Record:
        """Return an endpoint's record. Raises AwsError as AWS words it."""
        found: Record | None = self._endpoints.get(name)
        if found is None:
            arn = self.cloud.arn("sagemaker", f"endpoint/{name}")
            raise validation(f'Could not find endpoint "{arn}".')
        return found

    def announce_endpoint(self, name: str) -> None:
        hosting_events.announce_endpoint(self.cloud, self._tags, described(self._endpoints[name]))

    # Changes, each from its beginning to its end; of one endpoint one at a time

    def create(self, name: str) -> None:
        with self._turn(name):
            variants = self._endpoints[name]["deployed"]["Variants"]
            types = [variant["InstanceType"] for variant in variants]
            self.cloud.starts.await_fleet(types, self._stopping)
            fleet = self._started(name)
            if fleet is not None:
                host = Host(self.cloud, name, self._journal)
                host.serve(fleet)
                self.hosts[name] = host
                self._settle(name, "InService")

    def update(self, name: str) -> None:
        """Deploy what is pending, or roll it back."""
        with self._turn(name):
            if self._resumed(name):
                self._deploy(name, self._endpoints[name])

    def scale(self, name: str) -> None:
        """Give variants the pending weights and instances."""
        with self._turn(name):
            if not self._resumed(name):
                return
            endpoint = self._endpoints[name]
            changes = endpoint["pending"]["variants"]
            counts = {n: change["Count"] for n, change in changes.items() if "Count" in change}
            weights = {n: change["Weight"] for n, change in changes.items() if "Weight" in change}
            self._move(name, "Updating", "instances and weights are changing")
            more = [
                variant["InstanceType"]
                for variant in endpoint["deployed"]["Variants"]
                if counts.get(variant["VariantName"], 0) > variant["Count"]
            ]
            self.cloud.starts.await_fleet(more, self._stopping)
            try:
                self.hosts[name].fleet.resize(counts, weights)
            except NotHealthy as error:
                self._settle(name, "InService", str(error))
                return
            for variant in endpoint["deployed"]["Variants"]:
                variant |= changes.get(variant["VariantName"], {})
            self._settle(name, "InService")

    def delete(self, name: str) -> None:
        with self._turn(name):
            host = self.hosts.pop(name, None)
            if host is not None:
                for fleet in host.stop():
                    self._fleets.discard(fleet)
            self._forget(name)

    def resume(self, name: str) -> None:
        """Serve again after a restart of the cloud."""
        with self._turn(name):
            self._resumed(name)

    def _turn(self, name: str) -> threading.Lock:
        return self._turns.setdefault(name, threading.Lock())

    def _resumed(self, name: str) -> bool:
        """See to it that the endpoint serves as before; tell whether it does."""
        host = self.hosts.get(name)
        if host is None:  # it was deleted, or failed, meanwhile
            return False
        if not host.serves:
            fleet = self._started(name)
            if fleet is None:
                self.hosts.pop(name).stop()
                return False
            host.serve(fleet)
        return True

    def _started(self, name: str) -> Fleet | None:
        """Start the fleet of what is deployed; where that cannot be, the endpoint has failed."""
        fleet = self._fleet(name, self._endpoints[name]["deployed"])
        try:
            fleet.start()
        except NotHealthy as error:
            self._fleets.discard(fleet)
            self._settle(name, "Failed", str(error))
            return None
        return fleet

    def _deploy(self, name: str, endpoint: Record) -> None:
        pending = endpoint["pending"]

        def progress(status: str, message: str, share: float) -> None:
            pending["share"] = share
            self._move(name, status, message)

        host = self.hosts[name]
        old, fresh = host.fleet, self._fleet(name, pending["deployed"])
        counts = [variant["Count"] for variant in pending["deployed"]["Variants"]]
        policy = deployment_policy.parse(pending["DeploymentConfig"], counts)
        try:
            Deployment(self.cloud, host, fresh, policy, progress).run(self._stopping)
        except Interrupted:
            return
        except RolledBack as trouble:
            self._fleets.discard(fresh)
            self._settle(name, "InService", str(trouble))
            return
        self._fleets.discard(old)
        endpoint["deployed"] = pending["deployed"]
        endpoint["EndpointConfigName"] = pending["deployed"]["EndpointConfigName"]
        endpoint.pop("LastDeploymentConfig", None)
        if pending["DeploymentConfig"]:
            endpoint["LastDeploymentConfig"] = pending["DeploymentConfig"]
        self._settle(name, "InService")

    def _fleet(self, name: str, deployed: Record) -> Fleet:
        fleet = Fleet(self.cloud, name, deployed)
        self._fleets.add(fleet)
        return fleet

    def _move(self, name: str, status: str, message: str) -> None:
        """Note and tell how far an update is."""
        endpoint = self._endpoints[name]
        move_pending(endpoint["pending"], status, message, self.cloud.clock.now())
        self._endpoints.save(name)
        hosting_events.announce_deployment(self.cloud, self._tags, described(endpoint))

    def _settle(self, name: str, status: str, reason: str | None = None) -> None:
        """End a change; with a reason it failed."""
        if self._stopping.is_set():  # what a stopping cloud breaks is taken up at its next start
            return
        endpoint = self._endpoints[name]
        endpoint.pop("pending", None)
        if reason is not None:
            endpoint["FailureReason"] = reason[:_LONGEST_REASON]
        endpoint["EndpointStatus"] = status
        endpoint["LastModifiedTime"] = self.cloud.clock.now()
        self._endpoints.save(name)
        self.announce_endpoint(name)

    def _forget(self, name: str) -> None:
        endpoint = self._endpoints.pop(name)
        self._tags.drop(endpoint["EndpointArn"])
