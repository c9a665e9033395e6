"""The images that jobs and endpoints run in: AWS's framework images, by region."""

from everloop.errors import BadInput

# AWS's account per region for the scikit-learn image, as the SageMaker Python SDK lists them.
_ACCOUNTS = {
    "ap-northeast-1": "354813040037",
    "ap-south-1": "720646828776",
    "ap-southeast-1": "121021644041",
    "ap-southeast-2": "783357654285",
    "ca-central-1": "341280168497",
    "eu-central-1": "492215442770",
    "eu-north-1": "662702820516",
    "eu-west-1": "141502667606",
    "eu-west-2": "764974769150",
    "eu-west-3": "659782779980",
    "sa-east-1": "737474898029",
    "us-east-1": "683313688378",
    "us-east-2": "257758044811",
    "us-west-1": "746614075791",
    "us-west-2": "246618743249",
}
# Newest first. Older images than these have a Python that the scripts of jobs/ do not run on.
VERSIONS = ("1.9-0", "1.4-2")


def image_uri(framework: str, version: str, region: str) -> str:
    """Return the image's URI. Raises BadInput naming what there is."""
    if framework != "scikit-learn":
        raise BadInput(f"train.framework is {framework!r}; there is: scikit-learn")
    if version not in VERSIONS:
        raise BadInput(f"train.version is {version!r}; there are: {', '.join(VERSIONS)}")
    if region not in _ACCOUNTS:
        raise BadInput(f"region {region!r} has no known image; there are: {', '.join(_ACCOUNTS)}")
    registry = f"{_ACCOUNTS[region]}.dkr.ecr.{region}.amazonaws.com"
    return f"{registry}/sagemaker-scikit-learn:{version}-cpu-py3"
