"""SQS as older SDKs speak to it: forms to the queue's own URL, XML back."""

import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET
from typing import Any

import pytest

SPACE = {"q": "http://queue.amazonaws.com/doc/2012-11-05/"}
SCOPE = (
    "AWS4-HMAC-SHA256 Credential=tester/20261120/us-east-1/sqs/aws4_request, "
    "SignedHeaders=host, Signature=x"
)


def _post(url: str, **form: str) -> ET.Element:
    request = urllib.request.Request(
        url,
        data=urllib.parse.urlencode(form).encode(),
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "Authorization": SCOPE,
        },
    )
    with urllib.request.urlopen(request) as answer:
        return ET.fromstring(answer.read())


def test_a_message_goes_through_a_queue_by_forms(cloud_with: Any) -> None:
    cloud, _ = cloud_with("sqs")
    made = _post(
        cloud.url,
        Action="CreateQueue",
        QueueName="q",
        **{"Attribute.1.Name": "VisibilityTimeout", "Attribute.1.Value": "5"},
    )
    url = made.findtext(".//q:QueueUrl", namespaces=SPACE)
    assert url == f"{cloud.url}/123456789012/q"
    _post(
        url,
        Action="SendMessage",
        MessageBody="<&>",
        **{
            "MessageAttribute.1.Name": "n",
            "MessageAttribute.1.Value.DataType": "String",
            "MessageAttribute.1.Value.StringValue": "x",
        },
    )
    found = _post(
        url,
        Action="ReceiveMessage",
        **{"MessageAttributeName.1": "All", "AttributeName.1": "ApproximateReceiveCount"},
    )
    message = found.find(".//q:Message", SPACE)
    assert message is not None
    assert message.findtext("q:Body", namespaces=SPACE) == "<&>"
    assert message.findtext("q:Attribute/q:Value", namespaces=SPACE) == "1"
    assert message.findtext("q:MessageAttribute/q:Value/q:StringValue", namespaces=SPACE) == "x"


def test_an_error_has_the_code_that_older_sdks_know(cloud_with: Any) -> None:
    cloud, _ = cloud_with("sqs")
    with pytest.raises(urllib.error.HTTPError) as refused:
        _post(f"{cloud.url}/123456789012/none", Action="PurgeQueue")
    with refused.value as answer:
        code = ET.fromstring(answer.read()).findtext(".//Code")
    assert code == "AWS.SimpleQueueService.NonExistentQueue"
