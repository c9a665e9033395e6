"""Lineage: associations between entities, and questions about where things come from."""

import operator
from collections.abc import Callable
from typing import Any

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError, validation
from everloop_localcloud.sagemaker.experiments import Experiments
from everloop_localcloud.sagemaker.lineage_entities import Associations, LineageEntities
from everloop_localcloud.sagemaker.lineage_graph import Edge, on_the_way, walk
from everloop_localcloud.sagemaker.listing import page, pages, pick
from everloop_localcloud.sagemaker.part import Part
from everloop_localcloud.sagemaker.trial_components import TrialComponents

Record = dict[str, Any]
_DEPTH = 10
# What an entity's type is called in questions, by the source of a job's trial component.
_JOBS = {
    "SageMakerTrainingJob": "TrainingJob",
    "SageMakerProcessingJob": "ProcessingJob",
    "SageMakerTransformJob": "TransformJob",
}


class Lineage(Part):
    """Operations on associations, and QueryLineage."""

    def __init__(
        self,
        cloud: Account,
        associations: Associations,
        entities: LineageEntities,
        experiments: Experiments,
        components: TrialComponents,
    ) -> None:
        super().__init__(cloud)
        self._associations = associations
        self._entities = entities
        self._components = components
        self._readers: dict[str, Callable[[str], Record]] = {
            "artifact": entities.artifact,
            "action": entities.action,
            "context": entities.context,
            "experiment-trial-component": components.trial_component,
            "experiment": experiments.experiment,
        }

    @operation
    def add_association(self, call: Call, request: Record) -> Record:
        ends = pick(request, "SourceArn", "DestinationArn")
        for arn in ends.values():
            self.entity(arn)
        if request["SourceArn"] == request["DestinationArn"]:
            raise validation("SourceArn and DestinationArn are the same: nothing leads to itself")
        with self._associations.lock:
            if self._associations.has(**_ends(request)):
                raise validation(
                    f"Association from {request['SourceArn']} to {request['DestinationArn']}"
                    " already exists"
                )
            self._associations.add(call, **_ends(request), kind=request.get("AssociationType"))
        return ends

    @operation
    def delete_association(self, call: Call, request: Record) -> Record:
        ends = pick(request, "SourceArn", "DestinationArn")
        if not self._associations.delete(**_ends(request)):
            raise AwsError(
                "ResourceNotFound",
                f"Association from {ends['SourceArn']} to {ends['DestinationArn']} does not exist.",
            )
        return ends

    @operation
    def list_associations(self, call: Call, request: Record) -> Record:
        told = [self._told_association(row) for row in self._associations.all()]
        for member in (
            "SourceArn",
            "DestinationArn",
            "SourceType",
            "DestinationType",
            "AssociationType",
        ):
            if member in request:
                told = [row for row in told if row.get(member) == request[member]]
        by = request.get("SortBy", "CreationTime")
        return page(
            told,
            request,
            member="AssociationSummaries",
            sort=lambda row: row.get(by, ""),
            summary=lambda row: row,
        )

    @operation
    def query_lineage(self, call: Call, request: Record) -> Record:
        starts = request.get("StartArns", [])
        depth = min(request.get("MaxDepth", _DEPTH), _DEPTH)
        edges = {
            Edge(row["SourceArn"], row["DestinationArn"]): row for row in self._associations.all()
        }
        wanted = self._filter(request.get("Filters", {}))
        if starts:
            self.entity(starts[0])
            reached, led = walk(edges, starts[0], request.get("Direction", "Ascendants"), depth)
        else:
            reached, led = dict.fromkeys(self._all_entities(), 0), set()
        if request.get("IncludeEdges", True):
            kept, path = on_the_way(reached, led, wanted)
        else:
            kept, path = {arn for arn in reached if wanted(arn)}, set()
        vertices = [{"arn": arn} for arn in sorted(kept, key=lambda arn: (reached[arn], arn))]
        asked = {"MaxResults": 50, **request}
        answer = pages(vertices, asked, "Vertices", lambda vertex: self._vertex(vertex["arn"]))
        shown = {vertex["Arn"] for vertex in answer["Vertices"]}
        answer["Edges"] = [
            pick(edges[edge], "SourceArn", "DestinationArn", "AssociationType")
            for edge in sorted(path)
            if edge.source in shown or edge.destination in shown
        ]
        return answer

    def entity(self, arn: str) -> Record:
        """Return an entity's record, whatever it is. Raises AwsError ResourceNotFound."""
        kind = arn.partition("/")[0].rpartition(":")[2]
        if kind not in self._readers:
            raise validation(
                f"{arn} is no lineage entity: give the ARN of an artifact, an action, a context,"
                " an experiment or a trial component"
            )
        return self._readers[kind](arn)

    def _told_association(self, row: Record) -> Record:
        told = dict(row)
        for end in ("Source", "Destination"):
            try:
                entity = self.entity(row[f"{end}Arn"])
            except AwsError:
                continue  # a trial component that was deleted leaves its associations
            name = entity.get("DisplayName") or _of(entity, "Name")
            told[f"{end}Type"] = _type(entity)
            if name and not name.startswith("arn:"):
                told[f"{end}Name"] = name
        return told

    def _all_entities(self) -> list[str]:
        tables = [*self._entities.records().values(), *self._components.records().values()]
        return [_of(row, "Arn") for table in tables for row in table.values()]

    def _vertex(self, arn: str) -> Record:
        entity = self.entity(arn)
        kind = arn.partition("/")[0].rpartition(":")[2]
        lineage = "TrialComponent" if kind.startswith("experiment") else kind.capitalize()
        return {"Arn": arn, "Type": _type(entity)[:40], "LineageType": lineage}

    def _filter(self, filters: Record) -> Callable[[str], bool]:
        times: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
            "CreatedBefore": ("CreationTime", operator.lt),
            "CreatedAfter": ("CreationTime", operator.gt),
            "ModifiedBefore": ("LastModifiedTime", operator.lt),
            "ModifiedAfter": ("LastModifiedTime", operator.gt),
        }

        def wanted(arn: str) -> bool:
            try:
                entity, vertex = self.entity(arn), self._vertex(arn)
            except AwsError:
                return False
            if filters.get("Types") and vertex["Type"] not in filters["Types"]:
                return False
            kinds = filters.get("LineageTypes")
            if kinds and vertex["LineageType"] not in kinds:
                return False
            properties = entity.get("Properties", {})
            if any(properties.get(k) != v for k, v in filters.get("Properties", {}).items()):
                return False
            return all(
                holds(entity[member], filters[name])
                for name, (member, holds) in times.items()
                if name in filters
            )

        return wanted


def _type(entity: Record) -> str:
    source = entity.get("Source", {}).get("SourceType")
    own = entity.get("ArtifactType") or entity.get("ActionType") or entity.get("ContextType")
    if own:
        return str(own)
    return _JOBS.get(source, "Experiment" if "ExperimentArn" in entity else "TrialComponent")


def _of(entity: Record, what: str) -> str:
    for kind in ("Artifact", "Action", "Context", "TrialComponent", "Experiment"):
        if f"{kind}{what}" in entity:
            return str(entity[f"{kind}{what}"])
    return ""


def _ends(request: Record) -> dict[str, str]:
    return {"source": request["SourceArn"], "destination": request["DestinationArn"]}
