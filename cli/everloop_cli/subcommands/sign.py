"""everloop sign: a signature of a version's sealed model."""

from pathlib import Path

import click

from everloop_cli import options, show, version_files
from everloop_cli.trouble import Trouble


@click.command()
@click.argument("model")
@version_files.asked("MODEL.sig", "MODEL-vN.sig; the public key is written beside it, .pem")
@click.option("--kms-key", metavar="KEY", help="A key of KMS that signs: its id, ARN or alias.")
@click.option(
    "--key-file",
    type=click.Path(path_type=Path),
    metavar="KEY.pem",
    help="A private key of an elliptic curve, without a passphrase; signed with by openssl.",
)
@options.stack
def sign(
    model: str,
    version: int | None,
    kms_key: str | None,
    key_file: Path | None,
    output: Path | None,
    stack: str,
    as_json: bool,
) -> int:
    """Sign a version's sealed model, in OpenSSF's model-signing format.

    What is signed is the digest that the ledger has sealed. Whoever has the model and the public
    key verifies it with OpenSSF's own tool, model_signing.
    """
    import json

    from everloop import model_signature as signatures
    from everloop.aws import endpoints, ledger
    from everloop_cli import models, signers

    if (kms_key is None) == (key_file is None):
        raise click.UsageError("give --kms-key or --key-file")
    version_files.check_folder(output)
    options.open_stack(stack)
    name = models.known(model, removed=True)
    serving = endpoints.serving(name) if version is None else None
    number = version if version is not None else serving.version if serving else None
    if number is None:
        raise Trouble(f"nothing of {name!r} serves; say which version")
    seal = ledger.seal(name, number)
    if seal is None:
        raise Trouble(f"version {number} of {name!r} was never sealed; there is nothing to sign")
    target = output or Path(f"{name}-v{number}.sig")
    public = target.with_suffix(".pem")
    _check_apart(target, public, key_file)
    said = signatures.statement(seal.model_digest)
    text = signatures.signed_text(said)
    made = signers.by_kms(kms_key, text) if kms_key else signers.by_file(key_file, text)
    bundle = signatures.bundle(said, made.signature, made.public_key)
    version_files.write(target, json.dumps(bundle))
    version_files.write(public, made.public_key)
    if as_json:
        found = {"model": name, "version": number, "digest": seal.model_digest}
        show.emit_json(
            {**found, "uri": seal.model_uri, "signature": str(target), "public_key": str(public)}
        )
        return 0
    for line in (
        f"wrote {target} and {public}: {name}, version {number}, sha256 {seal.model_digest}",
        "  verify it with OpenSSF's tool (pip install model-signing pyOpenSSL):",
        f"  aws s3 cp {seal.model_uri} {signatures.FILE}",
        f"  model_signing verify key {signatures.FILE} --signature {target} --public_key {public}",
    ):
        show.out.print(line, soft_wrap=True)
    return 0


def _check_apart(target: Path, public: Path, private: Path | None) -> None:
    """Refuse names by which one file would be written over another: a private key has no copy."""
    if target.suffix == ".pem":
        raise Trouble(
            f"{target}: the public key goes by that name; give -o a name as {target.stem}.sig"
        )
    if private is not None and private.resolve() in (target.resolve(), public.resolve()):
        raise Trouble(
            f"{private} is the private key, and would be written over; give -o another name"
        )
