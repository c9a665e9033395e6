"""What a model.toml trains with and serves from: what is refused before anything is uploaded."""

import pytest

from everloop.errors import BadInput
from everloop.spec import model_images, policy
from everloop.spec.model_spec import load_spec

HEAD = 'problem = "binary_classification"\n[data]\ntarget = "late"\n'
XGBOOST = 'algorithm = "xgboost"\nhyperparameters = { num_round = 5 }'
OWN = "123456789012.dkr.ecr.us-east-1.amazonaws.com/churn:3"


def document(train: str, rest: str = ""):
    spec = load_spec(f"{HEAD}[train]\n{train}\n{rest}", name="flights")
    return policy.document(spec)


def refused(train: str, rest: str = "", region: str = "us-east-1") -> str:
    with pytest.raises(BadInput) as error:
        model_images.check(document(train, rest), region)
    return str(error.value)


def test_nothing_said_means_scikit_learn_in_its_newest_version() -> None:
    train = document("")["train"]
    assert (train["framework"], train["version"]) == ("scikit-learn", "1.9-0")
    assert (train["algorithm"], train["image"]) == (None, None)


@pytest.mark.parametrize(
    ("train", "version"),
    [
        ('framework = "xgboost"', "3.2-0"),
        (XGBOOST, "3.2-0"),
        ('framework = "pytorch"', "2.6.0"),
        ('framework = "tensorflow"', "2.19.0"),
        ('framework = "huggingface"', "4.49.0"),
        ('framework = "xgboost"\nversion = "3.0-5"', "3.0-5"),
    ],
)
def test_the_newest_version_with_both_images_is_meant(train: str, version: str) -> None:
    assert document(train)["train"]["version"] == version


@pytest.mark.parametrize(
    ("train", "words"),
    [
        ('framework = "xgbost"', "train.framework is 'xgbost'; did you mean 'xgboost'?"),
        ('framework = "spark"', "train.framework is 'spark'; there are: scikit-learn, xgboost"),
        ('framework = "lightgbm"', 'give framework = "scikit-learn", and lightgbm in requirements'),
        ('algorithm = "xgbost"', "train.algorithm is 'xgbost'; did you mean 'xgboost'?"),
        ('algorithm = "kmeans"', "train.algorithm is 'kmeans'; it learns without a target"),
        ('algorithm = "factorization-machines"', "it takes protobuf and no CSV"),
        ('framework = "xgboost"\nversion = "3.2"', "train.version is '3.2'; did you mean '3.2-0'?"),
        (
            'framework = "xgboost"\nalgorithm = "xgboost"',
            "train has framework and algorithm; a model",
        ),
        (f'image = "{OWN}"\nversion = "3"', "train.version is '3'; train.image has its version"),
        ('image = "churn:3"', "train.image is 'churn:3'; give the URI of an image in ECR with its"),
        ('image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/a"', "with its tag or digest"),
        (
            'image = "123456789012.dkr.ecr.cn-north-1.amazonaws.com/a:1"',
            "registries of cn-north-1 end in amazonaws.com.cn",
        ),
    ],
)
def test_what_cannot_train_is_refused_by_key_with_what_is_meant(train: str, words: str) -> None:
    with pytest.raises(BadInput) as error:
        document(train)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("problem", "train", "words"),
    [
        ("regression", "hyperparameters = { eta = 0.1 }", "train.hyperparameters.num_round is mis"),
        (
            "binary_classification",
            'hyperparameters = { num_round = 5, objective = "binary:hinge" }',
            "train.hyperparameters.objective is 'binary:hinge'; for binary_classification give bin",
        ),
        ("multiclass_classification", "hyperparameters = { num_round = 5 }", "data.classes is em"),
        (
            "regression",
            "hyperparameters = { num_round = 5 }\n[evaluate]\nquantiles = [0.1, 0.5, 0.9]",
            "evaluate.quantiles is given, and xgboost answers one number a row",
        ),
    ],
)
def test_an_algorithm_is_told_what_it_needs(problem: str, train: str, words: str) -> None:
    text = (
        f'problem = "{problem}"\n[data]\ntarget = "late"\n[train]\nalgorithm = "xgboost"\n{train}'
    )
    with pytest.raises(BadInput) as error:
        load_spec(text, name="flights")
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("train", "rest", "words"),
    [
        (
            'instance = "ml.g5.xlarge"',
            "",
            "train.instance is 'ml.g5.xlarge'; it has GPUs, and AWS's image of scikit-learn 1.9-0 "
            "for training is for CPU",
        ),
        (
            'framework = "huggingface"',
            "",
            "train.instance is 'ml.m5.large'; it has no GPU, and AWS's image of huggingface 4.49.0 "
            "for training is for GPU",
        ),
        (
            "",
            '[deploy.production]\ninstance = "ml.m6g.large"',
            "deploy.production.instance is 'ml.m6g.large'; it is a Graviton (ARM), and",
        ),
        (
            "",
            '[evaluate]\ninstance = "ml.g5.xlarge"',
            "evaluate.instance is 'ml.g5.xlarge'; it has GPUs, and the jobs' image is for CPUs",
        ),
        (
            'framework = "pytorch"\ninstance = ["ml.m5.large", "ml.g5.xlarge"]',
            "",
            "train.instance names instances that need different images",
        ),
        (
            'framework = "pytorch"\nversion = "2.9.0"',
            "",
            "train.version is '2.9.0', of which AWS has no image for inference",
        ),
        (
            'image = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.9-gpu-py3"',
            "",
            "train.instance: ml.m5.large is a CPU instance, and 763104351884",
        ),
        (
            'image = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.9-cpu-py3"\n'
            'instance = "ml.g5.xlarge"',
            "",
            "train.instance: ml.g5.xlarge is a GPU instance, and 763104351884",
        ),
        (
            'image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/churn:3"',
            "",
            "lies in eu-west-1; the stack in us-east-1",
        ),
    ],
)
def test_an_image_that_does_not_fit_is_refused_before_a_push(
    train: str, rest: str, words: str
) -> None:
    assert words in refused(train, rest)


def test_a_region_that_lacks_the_image_is_refused_with_those_that_have_it() -> None:
    said = refused('framework = "pytorch"', region="me-west-1")
    assert "region 'me-west-1' has no image of pytorch 2.6.0; there are: af-south-1" in said
    assert "\n" not in said  # said once: the jobs run in the image that trains
    model_images.check(document('framework = "pytorch"'), "eu-west-1")


def test_jobs_run_in_the_image_whose_model_they_import_and_else_in_scikit_learns() -> None:
    def jobs(train: str, rest: str = "") -> str:
        return model_images.of(document(train, rest), "us-east-1").jobs.partition("/")[2]

    assert jobs("") == "sagemaker-scikit-learn:1.9-0-cpu-py3"
    assert jobs('framework = "xgboost"') == "sagemaker-xgboost:3.2-0"
    gpu = 'framework = "pytorch"\ninstance = "ml.g5.xlarge"'
    assert jobs(gpu) == "pytorch-training:2.6.0-cpu-py312"
    assert jobs(XGBOOST) == "sagemaker-xgboost:3.2-0"
    for other in ('framework = "tensorflow"', f'image = "{OWN}"'):
        assert jobs(other) == "sagemaker-scikit-learn:1.9-0-cpu-py3"
    assert jobs("", f'[deploy]\nimage = "{OWN}"') == "sagemaker-scikit-learn:1.9-0-cpu-py3"


def test_an_image_that_trains_also_serves_where_no_other_is_named() -> None:
    serve = OWN.replace("churn:3", "serve:1")
    assert model_images.of(document(f'image = "{OWN}"'), "us-east-1").serving == OWN
    both = document(f'image = "{OWN}"', f'[deploy]\nimage = "{serve}"')
    assert model_images.of(both, "us-east-1").serving == serve
    trained = document("", f'[deploy]\nimage = "{serve}"')
    assert model_images.of(trained, "us-east-1").serving == serve


def test_a_spec_of_before_names_a_framework_alone() -> None:
    made = document("")
    for key in ("algorithm", "image"):
        made["train"].pop(key)
    made["deploy"].pop("image")
    assert model_images.of(made, "us-east-1").training.endswith("scikit-learn:1.9-0-cpu-py3")
    assert model_images.is_imported(made)
