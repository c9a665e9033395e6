"""What a model's owner brings: data, in drops of several objects, and code."""

from typing import Any

from everloop.bundle import packed
from proofs.sim.aws.account import Account
from proofs.sim.model import Model

_SCRIPTS = ("preprocess.py", "train.py", "inference.py")


class Drops:
    def __init__(self, account: Account, dice: Any) -> None:
        self._account = account
        self._dice = dice
        self._late = 0

    def push(self, model: Model, *, broken: bool = False) -> None:
        model.pushes += 1
        spec = model.spec() + ("[nonsense]\n" if broken else "")
        files = {name: b"# the model's own\n" for name in _SCRIPTS} | {"model.toml": spec.encode()}
        self._account.note("person", f"pushes {model.name}{', broken' if broken else ''}")
        key = f"models/{model.name}/bundle.tar.gz"
        self._account.s3.put(self._account.data_bucket, key, packed(files))
        if broken:  # its owner sees the mail and pushes what is right
            self._account.kernel.pause(self._dice.uniform(60, 300))
            self.push(model)

    def drop(self, model: Model, drop: int) -> None:
        count = self._dice.randint(1, 4)
        self._account.note("person", f"drops {count} objects for {model.name}")
        for number in range(count):
            name = f"data/{model.name}/drop {drop}/part+{number} é.csv"
            if self._dice.random() < 0.2:
                name = f"data/{model.name}/drop 0/part+0 é.csv"  # once more, and changed
            content = f"{model.name},{drop},{number},{self._dice.random() < 0.9}\n" * 40
            self._account.s3.put(self._account.data_bucket, name, content.encode())
            self._account.kernel.pause(self._dice.choice((0.0, 0.5, 20.0)))
        if self._dice.random() < 0.3:
            marker = f"data/{model.name}/drop {drop}/_SUCCESS"
            self._account.s3.put(self._account.data_bucket, marker, b"")

    def drop_one(self, model: Model) -> None:
        """Add one more object, when others thought that the drop was over."""
        self._late += 1
        self._account.note("person", f"drops a late object for {model.name}")
        name = f"data/{model.name}/late/part {self._late}.csv"
        content = f"{model.name},late,{self._late}\n" * 40
        self._account.s3.put(self._account.data_bucket, name, content.encode())

    def drop_whole(self, model: Model) -> None:
        """Add one more object, and say that this is all."""
        self.drop_one(model)
        marker = f"data/{model.name}/late/_SUCCESS"
        self._account.s3.put(self._account.data_bucket, marker, b"")

    def take_out(self, model: Model) -> None:
        """Delete an object, or its newest version for good; and perhaps take that back."""
        s3, bucket = self._account.s3, self._account.data_bucket
        keys = [
            key
            for (b, key), versions in sorted(s3.objects.items())
            if b == bucket
            and key.startswith(f"data/{model.name}/")
            and not key.endswith("_SUCCESS")
            and versions
            and not versions[-1].marker
        ]
        if not keys:
            return
        key = self._dice.choice(keys)
        if self._dice.random() < 0.25:
            self._account.note("person", f"deletes the newest version of {key} for good")
            s3.erase(bucket, key, s3.objects[bucket, key][-1].id)
            return
        self._account.note("person", f"deletes {key}")
        s3.delete(bucket, key)
        marker = s3.objects[bucket, key][-1].id
        if self._dice.random() < 0.3:
            self._account.kernel.pause(self._dice.choice((1.0, 60.0, 900.0)))
            if s3.objects[bucket, key][-1].id == marker:
                self._account.note("person", f"takes the delete marker of {key} away")
                s3.erase(bucket, key, marker)

    def drop_again(self, model: Model) -> None:
        """Upload everything once more, byte for byte, as a person does who is not sure."""
        self._account.note("person", f"drops everything again for {model.name}")
        prefix = f"data/{model.name}/"
        for (bucket, key), versions in list(self._account.s3.objects.items()):
            mine = bucket == self._account.data_bucket and key.startswith(prefix)
            if mine and versions and not versions[-1].marker:
                self._account.s3.put(bucket, key, versions[-1].data)
