"""A change of the form of serving: where AWS cannot turn the endpoint into what is asked for."""

from everloop.aws import endpoints
from everloop.errors import BadInput
from everloop.spec import policy


def check(model: str, spec: policy.Spec) -> None:
    """Raise BadInput where what serves on instances is to be serverless: AWS refuses that update.

    Where nothing serves there is nothing to turn, and the other way AWS goes.
    """
    if policy.deploy(spec).production.serverless is None:
        return
    serving = endpoints.serving(model)
    if serving is None or serving.serverless or serving.status == "Failed":
        return
    raise BadInput(
        f"deploy.serve is 'serverless', and the endpoint {model} runs on instances: AWS turns none "
        f"of those into a serverless one. Push the folder by another name, such as "
        f"{model[:30]}-2, move the clients to that endpoint, and remove this model; or "
        f"everloop remove {model} (its versions and data stay) and push again: what is approved "
        "comes back as a serverless endpoint, and until then nothing answers by this name"
    )
