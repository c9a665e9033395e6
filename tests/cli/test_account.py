"""Which account and region the command means: as the AWS CLI, by options, environment, config."""

import os

import pytest

from everloop.aws import account, outside
from everloop.errors import BadInput
from everloop_cli.main import main

CONFIG = """
[default]
region = eu-west-1

[profile paris]
region = eu-west-3

[profile nowhere]
output = json

[profile laptop]
endpoint_url = http://127.0.0.1:9

[profile endpoints]
services = here

[services here]
cloudformation =
  endpoint_url = http://127.0.0.1:9
"""


@pytest.fixture
def config(monkeypatch, tmp_path):
    """Have the config of somebody with profiles, and nothing in the environment."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    path = tmp_path / "config"
    path.write_text(CONFIG)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    keys = "\n".join(
        f"[{name}]\naws_access_key_id = {name}\naws_secret_access_key = x\n"
        for name in ("default", "paris", "laptop")
    )
    (tmp_path / "credentials").write_text(keys)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    outside.forget(session=True)
    yield path
    outside.forget(session=True)


def key():
    return outside.sqs()._request_signer._credentials.access_key


def region():
    return outside.sqs().meta.region_name


def test_the_default_profile_names_the_region(config):
    assert account.reach() == region() == "eu-west-1"
    assert key() == "default"


def test_a_profile_that_is_named_brings_its_region_and_its_keys(config, monkeypatch):
    assert account.reach(profile="paris") == region() == "eu-west-3"
    assert key() == "paris"
    assert account.reach() == region() == "eu-west-1"  # and is forgotten with the next call
    assert key() == "default"
    monkeypatch.setenv("AWS_PROFILE", "paris")
    outside.forget(session=True)
    assert account.reach() == "eu-west-3"
    assert key() == "paris"


def test_a_named_profile_comes_before_keys_in_the_environment(config, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "environment")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    account.reach()
    assert key() == "environment"
    account.reach(profile="paris")
    assert key() == "paris"


@pytest.mark.parametrize(
    ("given", "environment", "meant"),
    [
        ("", {"AWS_DEFAULT_REGION": "eu-north-1"}, "eu-north-1"),
        ("", {"AWS_REGION": "eu-south-1", "AWS_DEFAULT_REGION": "eu-north-1"}, "eu-south-1"),
        ("us-west-2", {"AWS_REGION": "eu-south-1"}, "us-west-2"),
        ("", {"AWS_REGION": ""}, "eu-west-1"),
        ("cn-north-1", {}, "cn-north-1"),
        ("us-gov-west-1", {}, "us-gov-west-1"),
    ],
)
def test_options_come_before_the_environment_and_that_before_the_config(
    config, monkeypatch, given, environment, meant
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert account.reach(region=given) == region() == meant


def test_a_region_is_forgotten_with_the_next_call(config):
    assert account.reach(region="us-west-2") == region() == "us-west-2"
    assert account.reach() == region() == "eu-west-1"


@pytest.mark.parametrize("profile", ["laptop", "endpoints"])
def test_the_laptops_cloud_needs_no_region(config, profile):
    assert account.reach(profile=profile) == "us-east-1"


def test_an_endpoint_in_the_environment_is_the_laptops_cloud(config, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert account.reach(profile="nowhere") == "us-east-1"
    assert outside.sqs().meta.endpoint_url == "http://127.0.0.1:9"
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    outside.forget(session=True)
    with pytest.raises(BadInput, match="no region is named"):
        account.reach(profile="nowhere")


def test_an_endpoint_of_awss_own_is_aws(config, monkeypatch):
    url = "https://vpce-1.cloudformation.eu-west-1.vpce.amazonaws.com"
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", url)
    with pytest.raises(BadInput, match="no region is named"):
        account.reach(profile="nowhere")


def told(capsys, *words):
    assert main(words) == 2
    return " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    "words",
    [
        ("status", "--profile", "nowhere"),
        ("--profile", "nowhere", "status"),
        ("--profile", "paris", "doctor", "--profile", "nowhere"),
    ],
)
def test_no_region_anywhere_is_an_error_that_names_what_helps(config, capsys, words):
    said = told(capsys, *words)
    assert "no region is named" in said
    for helps in ("--region", "AWS_REGION", "aws configure set region", "everloop up"):
        assert helps in said


@pytest.mark.parametrize(
    ("given", "hint"), [("eu-west1", "eu-west-1"), ("eu west 1", ""), ("Frankfurt", "")]
)
def test_what_is_no_region_is_refused_before_anybody_is_asked(config, capsys, given, hint):
    said = told(capsys, "status", "--region", given)
    assert f"region: '{given}' is no region of AWS" in said
    assert hint in said


def test_a_profile_that_is_not_there_is_named_with_those_there_are(config, monkeypatch, capsys):
    said = told(capsys, "status", "--profile", "pairs")
    assert "(pairs) could not be found" in said and "paris" in said
    monkeypatch.setenv("AWS_PROFILE", "pairs")
    outside.forget(session=True)
    assert "(pairs) could not be found" in told(capsys, "status")


def test_where_nobody_answers_the_laptops_cloud_is_remembered(config, capsys):
    said = told(capsys, "status", "--profile", "laptop")
    assert "nothing answers" in said and "everloop up" in said
