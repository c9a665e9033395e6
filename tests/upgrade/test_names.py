"""What the stack called its parts in 0.2 keeps its name, and its place in the template.

People build on these names: dashboards, filters, permissions. And CloudFormation makes no name a
second time, so a name under another logical id cannot be deployed at all to a stack that has it.
A part that is to be called otherwise needs a bridge: the old name works on for one version.
"""

import json
from pathlib import Path

from everloop_localcloud.cloudformation import replacing
from proofs.template import Template, translated

NAMES = Path(__file__).with_name("names-0.2.json")


def parts() -> list[tuple[str, str]]:
    """Return type and name of each part that has a name which people gave, and its logical id."""
    template = Template(translated(), yes=True)
    found = []
    for logical_id, resource in template.raw.items():
        kind = resource["Type"]
        given = {
            key: template.answer(value)
            for key, value in resource.get("Properties", {}).items()
            if key in replacing.identifying(kind)
        }
        name = replacing.identity(kind, given)
        if name is not None and resource["Type"] != "AWS::Lambda::EventInvokeConfig":
            found.append((f"{kind} {name}", logical_id))
    return found


def test_names_of_0_2_stay_where_they_are():
    kept: dict[str, str] = json.loads(NAMES.read_text())
    now = dict(parts())
    assert len(kept) > 70
    assert {name: now.get(name) for name in kept} == kept


def test_no_two_parts_have_one_name():
    found = [name for name, _ in parts()]
    assert sorted(set(found)) == sorted(found)
