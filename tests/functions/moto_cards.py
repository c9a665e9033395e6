"""What moto does not know of a package's card and stage, and AWS does: an update keeps them."""

from typing import Any

from moto.core.responses import ActionResult
from moto.sagemaker.models import ModelPackage, SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse

_update, _described = SageMakerResponse.update_model_package, ModelPackage.gen_response_object
_update_card = SageMakerModelBackend.update_model_card


def _update_package(response: Any) -> ActionResult:
    """Keep all that an update does not name, where it gives the card or the stage alone."""
    card, stage = response._get_param("ModelCard"), response._get_param("ModelLifeCycle")
    if card is None and stage is None:
        return _update(response)
    arn = response._get_param("ModelPackageArn")
    package: Any = response.sagemaker_backend.describe_model_package(arn)
    package.model_card = card or getattr(package, "model_card", None)
    package.model_life_cycle = stage or getattr(package, "model_life_cycle", None)
    package.modifications_done()
    return ActionResult({"ModelPackageArn": arn})


def _describe_package(package: Any) -> dict[str, Any]:
    card = getattr(package, "model_card", None)
    stage = getattr(package, "model_life_cycle", None)
    return {
        **_described(package),
        **({"ModelCard": card} if card else {}),
        **({"ModelLifeCycle": stage} if stage else {}),
    }


def _keep(
    backend: Any, model_card_name: str, content: str | None, model_card_status: str | None
) -> str:
    """Keep what an update does not name."""
    before: Any = backend.describe_model_card(model_card_name, None)
    return _update_card(
        backend,
        model_card_name,
        content or before["Content"],
        model_card_status or before["ModelCardStatus"],
    )


def taught() -> None:
    """Let moto know, from here on."""
    SageMakerResponse.update_model_package = _update_package  # type: ignore[method-assign]
    ModelPackage.gen_response_object = _describe_package  # type: ignore[method-assign]
    SageMakerModelBackend.update_model_card = _keep  # type: ignore[method-assign,assignment]
