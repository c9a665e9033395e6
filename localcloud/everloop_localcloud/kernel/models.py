"""botocore's models of AWS's services: files of megabytes, read once in a process for all who ask.

Each session of botocore reads them by itself; those made here share what was read.
"""

from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.session import Session, get_session


@cache
def loader() -> Loader:
    """Return what reads the models, and remembers them."""
    return Loader()


@cache
def service_model(service: str) -> ServiceModel:
    """Return the model of a service, by boto3's name for it."""
    return ServiceModel(loader().load_service_model(service, "service-2"), service)


def session() -> Any:
    """Return a new session, for clients or for boto3."""
    made: Session = get_session()
    made.register_component("data_loader", loader())
    return made
