"""Where AWS's images lie: the table is what AWS's own list says, by use, version and region."""

import json
from pathlib import Path

import pytest

from everloop.errors import BadInput
from everloop.spec import images
from everloop.spec.images import image_uri
from tools import image_table

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
SKLEARN = "scikit-learn"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The table, made of AWS's file as the SDK has it (sklearn-of-aws.json is a copy)."""
    folder = tmp_path_factory.mktemp("lists")
    (folder / "sklearn.json").write_text((HERE / "sklearn-of-aws.json").read_text())
    return image_table.table(folder, "3.27.0", only=("sklearn.json",))


def test_the_table_is_what_the_script_makes_of_awss_list(made):
    # Of one file; `make clients` asks the SDK itself for all of them.
    whole = json.loads(image_table.TABLE.read_text())
    ours = whole["frameworks"][SKLEARN]
    assert ours == made["frameworks"][SKLEARN]
    assert whole["accounts"][ours["1.9-0"]["training"]["accounts"]] == made["accounts"][0]
    assert made["domains"].items() <= whole["domains"].items()


def test_the_table_is_small_enough_for_a_layer() -> None:
    assert image_table.TABLE.stat().st_size < 40_000


def test_the_list_is_of_the_sdk_that_everloop_is_used_with(made):
    pins = (ROOT / "requirements" / "clients.txt").read_text().split()
    assert made["from"] in pins
    assert f'"{made["from"]}"' in (ROOT / "pyproject.toml").read_text()


def test_an_image_lies_in_its_regions_registry() -> None:
    assert image_uri(SKLEARN, "1.9-0", "us-east-1") == (
        "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
    )
    assert image_uri(SKLEARN, "1.9-0", "sa-east-1").startswith("737474898029.dkr.ecr.sa-")


@pytest.mark.parametrize(
    ("region", "registry"),
    [
        ("cn-north-1", "450853457545.dkr.ecr.cn-north-1.amazonaws.com.cn/"),
        ("cn-northwest-1", "451049120500.dkr.ecr.cn-northwest-1.amazonaws.com.cn/"),
        ("us-gov-west-1", "414596584902.dkr.ecr.us-gov-west-1.amazonaws.com/"),
        ("us-gov-east-1", "237065988967.dkr.ecr.us-gov-east-1.amazonaws.com/"),
        ("ap-south-2", "628508329040.dkr.ecr.ap-south-2.amazonaws.com/"),
    ],
)
def test_each_partition_has_its_own_domain(region, registry) -> None:
    assert image_uri(SKLEARN, "1.9-0", region, "inference").startswith(registry)


def _check(version: str, region: str) -> None:
    for use in images.USES:
        image_uri(SKLEARN, version, region, use, exactly=True)


def test_every_region_of_awss_list_that_is_not_isolated_has_an_image_of_every_version() -> None:
    told = json.loads((HERE / "sklearn-of-aws.json").read_text())
    regions = told["inference"]["versions"]["1.9-0"]["registries"]
    assert len(regions) == 37
    for region in regions:
        for version in images.versions(SKLEARN):
            if region.startswith("us-iso"):
                with pytest.raises(BadInput, match="is isolated from the internet"):
                    _check(version, region)
            else:
                _check(version, region)


def test_a_version_that_aws_serves_none_of_is_not_offered() -> None:
    assert images.versions(SKLEARN) == ("1.9-0", "1.4-2-py312")
    with pytest.raises(BadInput, match=r"'1\.4-2', of which AWS has no image for inference; did"):
        _check("1.4-2", "us-east-1")


def test_what_was_pushed_before_it_lacked_an_image_goes_on_as_it_was() -> None:
    assert "1.4-2" in images.known(SKLEARN)
    both = {image_uri(SKLEARN, "1.4-2", "us-east-1", use) for use in images.USES}
    assert len(both) == 1


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (("torch", "2.3", "us-east-1"), "train.framework is 'torch'; did you mean 'pytorch'?"),
        (("spss", "2.3", "us-east-1"), "train.framework is 'spss'; there is: scikit-learn, "),
        ((SKLEARN, "2.0", "us-east-1"), "train.version is '2.0'; there are: 1.9-0, 1.4-2-py312"),
        ((SKLEARN, "1.9-0", "moon-1"), "region 'moon-1' has no image of scikit-learn 1.9-0; there"),
        ((SKLEARN, "1.9-0", "us-isob-east-1"), "region 'us-isob-east-1' is isolated from the"),
        (("pytorch", "2.6.0", "me-west-1"), "region 'me-west-1' has no image of pytorch 2.6.0"),
    ],
)
def test_what_there_is_not_is_refused_by_name(asked: tuple[str, str, str], words: str) -> None:
    with pytest.raises(BadInput) as error:
        image_uri(*asked)
    assert str(error.value).startswith(words)


@pytest.mark.parametrize(
    ("instance", "computes_on"),
    [
        ("ml.m5.large", "cpu"),
        ("ml.c6i.large", "cpu"),
        ("ml.g4dn.xlarge", "gpu"),
        ("ml.p5.48xlarge", "gpu"),
        ("ml.g6e.xlarge", "gpu"),
        ("ml.m6g.large", "arm"),
        ("ml.c7gn.large", "arm"),
        ("ml.t4g.medium", "arm"),
        ("ml.inf2.xlarge", "neuron"),
        ("ml.trn1.2xlarge", "neuron"),
    ],
)
def test_an_instance_type_says_what_it_computes_on(instance: str, computes_on: str) -> None:
    assert images.processor(instance) == computes_on


def test_the_processor_chooses_the_image() -> None:
    asked = ("pytorch", "2.6.0", "eu-west-1")
    assert image_uri(*asked, on="gpu").endswith("/pytorch-training:2.6.0-gpu-py312")
    assert image_uri(*asked, "inference").endswith("/pytorch-inference:2.6.0-cpu-py312")
    assert image_uri("xgboost", "3.2-0", "eu-west-1", on="gpu").endswith("sagemaker-xgboost:3.2-0")
