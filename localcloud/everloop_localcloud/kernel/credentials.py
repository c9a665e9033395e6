"""Who is calling: access keys and the principals behind them.

Any access key is somebody: the user of that name. Keys made for a role carry the role's session.
"""

import secrets
from datetime import timedelta

from everloop_localcloud.kernel.clock import Clock
from everloop_localcloud.kernel.store import Store


class Credentials:
    """Hands out keys for roles and tells whose key one is; keys survive a restart."""

    def __init__(self, account: str, clock: Clock, store: Store) -> None:
        self._account = account
        self._clock = clock
        self._keys = store.table("sts.keys")

    def for_role(self, role_arn: str, session: str, hours: float = 12) -> dict[str, str]:
        """Return environment variables with fresh keys of a session of the role."""
        key = "ASIA" + secrets.token_hex(8).upper()
        secret = secrets.token_hex(20)
        name = role_arn.rpartition("/")[2]
        account = role_arn.split(":")[4]
        self._keys[key] = {
            "principal": f"arn:aws:sts::{account}:assumed-role/{name}/{session}",
            "role": role_arn,
            "expires": self._clock.now() + timedelta(hours=hours),
            "secret": secret,
        }
        return {
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_SESSION_TOKEN": secrets.token_hex(32),
        }

    def principal(self, access_key: str) -> str:
        """Return the ARN behind an access key; an unknown key is the user of that name."""
        known = self._keys.get(access_key)
        if known:
            return str(known["principal"])
        return f"arn:aws:iam::{self._account}:user/{access_key or 'anonymous'}"

    def secret_of(self, access_key: str, users_secret: str) -> str | None:
        """Return the secret of a key; users share theirs. None for a role's key that is unknown."""
        known = self._keys.get(access_key)
        if known:
            return str(known["secret"]) if "secret" in known else None
        return None if access_key.startswith("ASIA") else users_secret

    def forget(self, access_key: str) -> None:
        self._keys.pop(access_key, None)
