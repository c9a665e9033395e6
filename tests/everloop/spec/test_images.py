"""Where AWS's images lie."""

import pytest

from everloop.errors import BadInput
from everloop.spec.images import image_uri


def test_an_image_lies_in_its_regions_registry() -> None:
    assert image_uri("scikit-learn", "1.9-0", "us-east-1") == (
        "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
    )
    assert image_uri("scikit-learn", "1.9-0", "sa-east-1").startswith("737474898029.dkr.ecr.sa-")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (("torch", "2.3", "us-east-1"), "train.framework is 'torch'; there is: scikit-learn"),
        (("scikit-learn", "2.0", "us-east-1"), "train.version is '2.0'; there are: 1.9-0"),
        (("scikit-learn", "1.9-0", "moon-1"), "region 'moon-1' has no known image; there are: ap-"),
    ],
)
def test_what_there_is_not_is_refused_by_name(asked: tuple[str, str, str], words: str) -> None:
    with pytest.raises(BadInput) as error:
        image_uri(*asked)
    assert str(error.value).startswith(words)
