"""The door to AWS, opened for one stack: from here on everloop.aws reaches it."""

from everloop.aws import account, settings, stack
from everloop.aws.clients import FAULTS, NoCredentials
from everloop.aws.settings import Settings
from everloop.errors import BadInput, NotReady
from everloop_cli.trouble import Trouble

STACK = "everloop"
# What every template of ours has as outputs; whoever needs another output says so.
_NEEDED = ("LedgerTable", "DataBucket", "ArtefactBucket", "EventBus", "NotificationTopic")


def open_stack(name: str = STACK, *, profile: str = "", region: str = "") -> Settings:
    """Find a stack, and let everloop.aws reach it. Ordinary credentials decide where.

    Raises Trouble where there is no such stack, and where AWS does not answer.
    """
    try:
        region = account.reach(profile=profile, region=region)
        deployed = stack.find(name)
    except BadInput as error:
        raise Trouble(str(error)) from error
    except NoCredentials as error:
        raise Trouble(
            f"no AWS credentials: {error}. For AWS: configure them as for the AWS CLI, or name "
            'their profile with --profile. For the laptop: everloop up, then  eval "$(everloop '
            'env)"'
        ) from error
    except NotReady as error:
        raise Trouble(
            f"nothing answers: {error}. Is the cloud up? For the "
            'laptop: everloop up, then  eval "$(everloop env)"'
        ) from error
    except FAULTS as error:
        raise Trouble(f"AWS refused to describe the stack: {error}") from error
    if deployed is None:
        raise Trouble(
            f"there is no stack {name!r} here, in {region}. Deploy it (sam deploy, or everloop up "
            "for the laptop), or name another: --stack NAME, --region REGION"
        )
    for output in _NEEDED:
        if output not in deployed.outputs:
            raise Trouble(f"stack {name!r} has no output {output}: is it an Everloop stack?")
    settings.use(settings.of_outputs(name, region, deployed.outputs))
    return settings.settings()


def reach_account(*, profile: str = "", region: str = "") -> str:
    """Let everloop.aws reach an account in which no stack need be; return the region."""
    try:
        return account.reach(profile=profile, region=region)
    except BadInput as error:
        raise Trouble(str(error)) from error
