"""What is told and kept aside: events of ours, mails, schedules, alarms."""

import json
from typing import Any

from everloop_localcloud.kernel.errors import AwsError
from proofs.sim.kernel import START

Params = dict[str, Any]


class Telling:
    def __init__(self, account: Any) -> None:
        self._account = account
        self.mails: list[tuple[float, str, str]] = []
        self.decisions: list[Params] = []  # as the bus heard of them
        self.schedules: dict[str, Params] = {}
        self.alarms: dict[str, Params] = {}

    def put_events(self, caller: Any, params: Params) -> Params:
        entries = []
        for entry in params["Entries"]:
            detail = json.loads(entry["Detail"])
            if entry["DetailType"] == "Decision Recorded":
                self.decisions.append(detail)
                word = "yes" if detail["go"] else "no"
                self._account.note("decided", f"{detail['kind']} {word}: {detail['reason'][:140]}")
            event = self._account.bus.emit(
                entry["Source"], entry["DetailType"], detail, bus=entry["EventBusName"]
            )
            entries.append({"EventId": event["id"]})
        return {"FailedEntryCount": 0, "Entries": entries}

    def publish(self, caller: Any, params: Params) -> Params:
        self.mails.append((self._account.kernel.now, params["Subject"], params["Message"]))
        self._account.note("mail", params["Subject"])
        return {"MessageId": f"mail-{len(self.mails)}"}

    def update_schedule(self, caller: Any, params: Params) -> Params:
        self._schedule(params["Name"])
        self.schedules[params["Name"]] = params
        return {"ScheduleArn": f"arn:aws:scheduler:::{params['Name']}"}

    def create_schedule(self, caller: Any, params: Params) -> Params:
        if params["Name"] in self.schedules:
            raise AwsError("ConflictException", f"Schedule {params['Name']} already exists.", 409)
        self.schedules[params["Name"]] = params
        return {"ScheduleArn": f"arn:aws:scheduler:::{params['Name']}"}

    def get_schedule(self, caller: Any, params: Params) -> Params:
        found = self._schedule(params["Name"])
        told = {key: found[key] for key in ("Name", "GroupName", "ScheduleExpression")}
        return {**told, "State": found.get("State", "ENABLED")}

    def delete_schedule(self, caller: Any, params: Params) -> Params:
        self._schedule(params["Name"])
        del self.schedules[params["Name"]]
        return {}

    def put_metric_alarm(self, caller: Any, params: Params) -> Params:
        self.alarms[params["AlarmName"]] = params
        return {}

    def get_metric_statistics(self, caller: Any, params: Params) -> Params:
        return {"Label": params["MetricName"], "Datapoints": []}

    def describe_scaling_policies(self, caller: Any, params: Params) -> Params:
        return {"ScalingPolicies": []}  # no model of the simulation is scaled

    def deregister_scalable_target(self, caller: Any, params: Params) -> Params:
        raise AwsError("ObjectNotFoundException", "No scalable target registered")

    def describe_alarms(self, caller: Any, params: Params) -> Params:
        found = [
            {
                "AlarmName": name,
                "Threshold": alarm["Threshold"],
                "StateValue": "OK",
                "StateUpdatedTimestamp": START,
                "AlarmActions": alarm.get("AlarmActions", []),
                "ActionsEnabled": alarm.get("ActionsEnabled", True),
            }
            for name, alarm in sorted(self.alarms.items())
            if name.startswith(params["AlarmNamePrefix"])
        ]
        return {"MetricAlarms": found, "CompositeAlarms": []}

    def delete_alarms(self, caller: Any, params: Params) -> Params:
        for name in params["AlarmNames"]:
            if name not in self.alarms:
                raise AwsError("ResourceNotFound", f"there is no alarm {name}", 404)
        for name in params["AlarmNames"]:
            del self.alarms[name]
        return {}

    def _schedule(self, name: str) -> Params:
        if name not in self.schedules:
            raise AwsError("ResourceNotFoundException", f"Schedule {name} does not exist.", 404)
        return self.schedules[name]
