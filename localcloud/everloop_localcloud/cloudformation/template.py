"""Templates: read from YAML or JSON, and translated where they are SAM's."""

import copy
import json
import re
import threading
import urllib.parse
from typing import Any

import yaml

from everloop_localcloud.cloudformation import language_extensions
from everloop_localcloud.cloudformation.errors import invalid
from everloop_localcloud.cloudformation.language_extensions import EXTENSIONS, LOOP
from everloop_localcloud.kernel import models
from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import AwsError

SAM = "AWS::Serverless-2016-10-31"
_SECTIONS = {
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Rules",
    "Mappings",
    "Conditions",
    "Transform",
    "Globals",
    "Resources",
    "Outputs",
}
_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml reads eight times as fast
_translating = threading.Lock()  # the translator keeps state in module globals


class _Loader(_BASE):  # type: ignore[misc]
    """YAML with CloudFormation's short tags; dates stay text, a key given twice is an error."""


def _construct_mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    found: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in found:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key!r} is given twice", key_node.start_mark
            )
        found[key] = loader.construct_object(value_node, deep=True)
    return found


def _construct_tag(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = _construct_mapping(loader, node)
    return {name: value}


_Loader.add_constructor("tag:yaml.org,2002:map", _construct_mapping)
_Loader.add_multi_constructor("!", _construct_tag)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(text: str) -> dict[str, Any]:
    """Return a template as plain data. Raises AwsError ValidationError."""
    try:
        template = json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, _Loader)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise invalid(f"Template format error: {error}") from error
    if not isinstance(template, dict):
        raise invalid("Template format error: the template is no mapping")
    unknown = sorted(set(template) - _SECTIONS)
    if unknown:
        raise invalid(f"Invalid template property or properties {unknown}")
    if "Rules" in template:
        raise invalid("the local cloud does not support the section Rules of a template")
    resources = template.get("Resources")
    if not isinstance(resources, dict) or not resources:
        raise invalid("At least one Resources member must be defined.")
    loops = {name for name in resources if str(name).startswith(LOOP)}
    if loops and EXTENSIONS not in transforms(template):
        raise invalid(
            f"Template format error: [/Resources/{min(loops)}] resource definition is malformed"
            f" (Fn::ForEach needs the transform {EXTENSIONS})"
        )
    _check_types({name: one for name, one in resources.items() if name not in loops})
    return template


def _check_types(resources: dict[str, Any]) -> None:
    for name, resource in resources.items():
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            raise invalid(f"Template format error: [/Resources/{name}] has no Type")


def transforms(template: dict[str, Any]) -> list[str]:
    given = template.get("Transform") or []
    return [given] if isinstance(given, str) else list(given)


def translated(template: dict[str, Any], parameters: dict[str, Any], region: str) -> dict[str, Any]:
    """Return the template as CloudFormation works on it. Raises AwsError for what it refuses."""
    result = unrolled(template, {"AWS::Region": region, **parameters})
    if SAM in transforms(template):
        result = _sam(result, parameters, region)
    return {section: given for section, given in result.items() if section != "Transform"}


def unrolled(template: dict[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the template without loops, as SAM's transform takes it. Raises AwsError."""
    names = transforms(template)
    for name in names:
        if name not in (SAM, EXTENSIONS):
            raise invalid(
                f"the local cloud does not know the transform {name!r}, only {EXTENSIONS} and {SAM}"
            )
    if EXTENSIONS not in names:
        return template
    if names != sorted(names):  # the one comes before the other in the alphabet too
        raise invalid(f"the transform {EXTENSIONS} must come before {SAM}")
    try:
        result = language_extensions.unrolled(template, parameters)
    except RecursionError as error:
        raise invalid("Template format error: the template is nested too deeply") from error
    _check_types(result["Resources"])
    return result


def _sam(template: dict[str, Any], parameters: dict[str, Any], region: str) -> dict[str, Any]:
    import boto3
    from samtranslator.internal.managed_policies import get_bundled_managed_policy_map
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator
    from samtranslator.utils.py27hash_fix import (
        to_py27_compatible_template,
        undo_mark_unicode_str_in_template,
    )

    given, values = copy.deepcopy(template), dict(parameters)
    with _translating:
        try:
            to_py27_compatible_template(given, values)
            session = boto3.Session(region_name=region, botocore_session=models.session())
            translator = Translator(None, Parser(), boto_session=session)
            done = translator.translate(
                given,
                parameter_values=values,
                get_managed_policy_map=lambda: get_bundled_managed_policy_map("aws") or {},
            )
            translator.metrics.publish()  # to nowhere; else it warns that nothing was published
        except InvalidDocumentException as error:
            causes = "; ".join(str(cause.message) for cause in error.causes)
            raise invalid(f"Transform {SAM} failed with: {error.message}. {causes}") from error
        result: dict[str, Any] = undo_mark_unicode_str_in_template(done)
    return result


def fetch(cloud: Account, request: dict[str, Any]) -> str:
    """Return the text of the template that a request gives, in itself or in S3."""
    body, url = request.get("TemplateBody"), request.get("TemplateURL")
    if bool(body) == bool(url):
        raise invalid("Either Template URL or Template Body must be specified.")
    if body:
        return str(body)
    bucket, key = _s3_place(str(url))
    try:
        content = cloud.call("s3", "GetObject", {"Bucket": bucket, "Key": key})["Body"]
    except AwsError as error:
        raise invalid(f"S3 error: {error.message} ({url})") from error
    raw: bytes = content if isinstance(content, bytes) else content.read()
    return raw.decode()


def _s3_place(url: str) -> tuple[str, str]:
    parts = urllib.parse.urlsplit(url)
    path = urllib.parse.unquote(parts.path.lstrip("/"))
    hosted = re.match(r"^(?P<bucket>.+?)\.s3[.-][a-z0-9.-]*amazonaws\.com$", parts.hostname or "")
    if parts.scheme == "s3":
        return parts.netloc, path
    if hosted:
        return hosted["bucket"], path
    bucket, _, key = path.partition("/")
    if not bucket or not key:
        raise invalid(f"TemplateURL {url!r} names no object in S3")
    return bucket, key
