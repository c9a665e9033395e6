"""SageMaker's model cards: a content and a status by name."""

from typing import Any

from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.sagemaker.model_card_content import problems
from proofs.template import ACCOUNT, REGION

Params = dict[str, Any]


class ModelCards:
    def __init__(self, account: Any) -> None:
        self._account = account
        self.cards: dict[str, Params] = {}

    # what clients call

    def describe_model_card(self, caller: Any, params: Params) -> Params:
        moment = self._account.kernel.moment()
        return {
            **self._card(params["ModelCardName"]),
            "ModelCardVersion": 1,
            "CreationTime": moment,
            "CreatedBy": {},
        }

    def create_model_card(self, caller: Any, params: Params) -> Params:
        name = params["ModelCardName"]
        if name in self.cards:
            raise AwsError("ConflictException", f"Model card {name} already exists")
        self.cards[name] = {"ModelCardName": name, "ModelCardArn": _arn(name)}
        return self._change(name, params)

    def update_model_card(self, caller: Any, params: Params) -> Params:
        self._card(params["ModelCardName"])
        return self._change(params["ModelCardName"], params)

    def _change(self, name: str, params: Params) -> Params:
        if "Content" in params and problems(params["Content"]):
            raise AwsError("ValidationException", f"card {name}: {problems(params['Content'])}")
        keys = ("Content", "ModelCardStatus")
        changed: Params = {key: params[key] for key in keys if key in params}
        self.cards[name] = {**self.cards[name], **changed}
        return {"ModelCardArn": _arn(name)}

    def _card(self, name: str) -> Params:
        if name not in self.cards:
            raise AwsError("ResourceNotFound", f"Model card {name} does not exist.")
        return self.cards[name]


def _arn(name: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-card/{name}"
