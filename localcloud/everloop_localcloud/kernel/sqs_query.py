"""The query protocol of SQS, for older SDKs: names that botocore's model of SQS no longer has."""

import base64
import urllib.parse
from typing import Any
from xml.sax.saxutils import escape

# Member -> the name of each of its entries, all "flattened": Name.1, Name.2, ...
_ENTRIES = {
    "AttributeNames": "AttributeName",
    "MessageAttributeNames": "MessageAttributeName",
    "MessageSystemAttributeNames": "MessageSystemAttributeName",
    "Attributes": "Attribute",
    "MessageAttributes": "MessageAttribute",
    "MessageSystemAttributes": "MessageSystemAttribute",
    "tags": "Tag",
    "Tags": "Tag",
    "TagKeys": "TagKey",
    "AWSAccountIds": "AWSAccountId",
    "Actions": "ActionName",
    "QueueUrls": "QueueUrl",
    "queueUrls": "QueueUrl",
    "Messages": "Message",
    "Failed": "BatchResultErrorEntry",
    "Results": "ListMessageMoveTasksResultEntry",
    "StringListValues": "StringListValue",
    "BinaryListValues": "BinaryListValue",
}


def _entry_name(operation: str, member: str) -> str:
    if member == "Entries":
        return f"{operation}RequestEntry"
    if member == "Successful":
        return f"{operation}ResultEntry"
    return _ENTRIES[member]


def _key_name(member: str) -> str:
    return "Key" if member in ("tags", "Tags") else "Name"


def parse(operation: str, shape: Any, form: list[tuple[str, str]], path: str) -> dict[str, Any]:
    """Return an operation's parameters; a request to a queue's own URL need not repeat it."""
    tree: dict[str, Any] = {}
    for key, value in form:
        steps = key.split(".")
        inner = tree
        for step in steps[:-1]:
            inner = inner.setdefault(step, {})
        inner[steps[-1]] = value
    if "QueueUrl" in shape.members and "QueueUrl" not in tree and path.strip("/"):
        tree["QueueUrl"] = urllib.parse.unquote(path)
    return _read(operation, shape, tree)


def _read(operation: str, shape: Any, tree: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, member in shape.members.items():
        kind = member.type_name
        if kind not in ("list", "map"):
            if name in tree:
                found[name] = _value(operation, member, tree[name])
            continue
        numbered = tree.get(_entry_name(operation, name))
        if not isinstance(numbered, dict):
            continue
        items = [numbered[number] for number in sorted(numbered, key=int)]
        if kind == "list":
            found[name] = [_value(operation, member.member, item) for item in items]
        else:
            found[name] = {
                item[_key_name(name)]: _value(operation, member.value, item["Value"])
                for item in items
            }
    return found


def _value(operation: str, shape: Any, value: Any) -> Any:
    if shape.type_name == "structure":
        return _read(operation, shape, value)
    if shape.type_name in ("integer", "long"):
        return int(value)
    if shape.type_name == "boolean":
        return value == "true"
    if shape.type_name == "blob":
        return base64.b64decode(value)
    return value


def encode(operation: str, result: dict[str, Any], request_id: str) -> str:
    """Write an answer's XML."""
    return (
        f'<{operation}Response xmlns="http://queue.amazonaws.com/doc/2012-11-05/">'
        f"<{operation}Result>{_members(operation, result)}</{operation}Result>"
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
        f"</{operation}Response>"
    )


def _members(operation: str, members: dict[str, Any]) -> str:
    written = []
    for name, value in members.items():
        if isinstance(value, list):
            entry = _entry_name(operation, name)
            written += [f"<{entry}>{_text(operation, item)}</{entry}>" for item in value]
        elif isinstance(value, dict):
            entry, key = _entry_name(operation, name), _key_name(name)
            written += [
                f"<{entry}><{key}>{escape(one)}</{key}>"
                f"<Value>{_text(operation, item)}</Value></{entry}>"
                for one, item in value.items()
            ]
        else:
            written.append(f"<{name}>{_text(operation, value)}</{name}>")
    return "".join(written)


def _text(operation: str, value: Any) -> str:
    if isinstance(value, dict):
        return _members(operation, value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return escape(str(value))
