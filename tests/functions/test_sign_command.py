"""everloop sign: OpenSSF's own tool verifies what was signed, and refuses what was changed."""

import subprocess
import sys
from pathlib import Path

import pytest
from functions.test_commands import MODEL, said, stack, told
from functions.test_judge_candidate import plan

from everloop.aws import ledger
from everloop_cli.main import main

__all__ = ["stack"]
TOOL = Path(sys.executable).with_name("model_signing")


@pytest.fixture
def sealed(stack):
    stack.push()
    plan(stack, stack.register())
    stack.serve(1)
    return ledger.seal(MODEL, 1)


def model(stack, seal, folder):
    """Fetch the sealed model, as whoever verifies it does."""
    bucket, _, key = seal.model_uri.removeprefix("s3://").partition("/")
    path = folder / "model.tar.gz"
    path.write_bytes(stack.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    return path


def verify(path, signature, public):
    done = subprocess.run(
        [TOOL, "verify", "key", path, "--signature", signature, "--public_key", public],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def key_file(folder, curve="prime256v1"):
    path = folder / "key.pem"
    command = ["openssl", "ecparam", "-name", curve, "-genkey", "-noout", "-out", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path


@pytest.mark.parametrize("curve", ["prime256v1", "secp521r1"])
def test_openssf_verifies_what_a_key_file_signed_and_refuses_another_model(
    stack, sealed, capsys, tmp_path, curve
):
    target = tmp_path / "v1.sig"
    found = told(
        capsys, "sign", MODEL, "--key-file", str(key_file(tmp_path, curve)), "-o", str(target)
    )
    assert (found["digest"], found["uri"]) == (sealed.model_digest, sealed.model_uri)
    path = model(stack, sealed, tmp_path)
    code, words = verify(path, target, found["public_key"])
    assert (code, "Verification succeeded" in words) == (0, True), words
    path.write_bytes(path.read_bytes() + b"x")
    assert verify(path, target, found["public_key"])[0] != 0


def test_openssf_verifies_what_a_key_of_kms_signed(stack, sealed, capsys, tmp_path):
    made = stack.client("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    key, target = made["KeyMetadata"]["KeyId"], tmp_path / "v1.sig"
    shown = said(capsys, "sign", MODEL, "--kms-key", key, "-o", str(target))
    assert f"aws s3 cp {sealed.model_uri} model.tar.gz" in shown
    path = model(stack, sealed, tmp_path)
    code, words = verify(path, target, tmp_path / "v1.pem")
    assert (code, "Verification succeeded" in words) == (0, True), words


def test_a_signature_by_another_key_is_refused(stack, sealed, capsys, tmp_path):
    first, other = tmp_path / "first", tmp_path / "other"
    for folder in (first, other):
        folder.mkdir()
        key = key_file(folder)
        told(capsys, "sign", MODEL, "--key-file", str(key), "-o", str(folder / "v1.sig"))
    path = model(stack, sealed, tmp_path)
    assert verify(path, first / "v1.sig", other / "v1.pem")[0] != 0


@pytest.mark.parametrize(
    ("name", "said"),
    [("key.sig", "is the private key"), ("key.pem", "the public key goes by that name")],
)
def test_the_private_key_is_never_written_over(stack, sealed, capsys, tmp_path, name, said):
    key = key_file(tmp_path)
    before = key.read_bytes()
    assert main(["sign", MODEL, "--key-file", str(key), "-o", str(tmp_path / name)]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert key.read_bytes() == before


def test_a_key_that_does_not_sign_so_is_refused_by_name(stack, sealed, capsys, tmp_path):
    symmetric = stack.client("kms").create_key()["KeyMetadata"]["KeyId"]
    other = stack.client("kms").create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
    rsa = other["KeyMetadata"]["KeyId"]
    secret = tmp_path / "secret.pem"
    command = ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-aes256", "-pass", "pass:words", "-out", str(secret)]
    subprocess.run(command, check=True, capture_output=True)
    text = tmp_path / "text.pem"
    text.write_text("no key\n")
    for words, what in (
        (["--kms-key", symmetric], f"key {symmetric}"),
        (["--kms-key", rsa], "give one of ECC_NIST_P256"),
        (["--kms-key", "alias/nobody"], "key alias/nobody"),
        (["--key-file", str(tmp_path / "gone.pem")], "there is no such file"),
        (["--key-file", str(secret)], "without a passphrase"),
        (["--key-file", str(text)], "give a private key in PEM"),
        (["--key-file", str(key_file(tmp_path, "secp256k1"))], "its curve is none of"),
        ([], "give --kms-key or --key-file"),
    ):
        assert main(["sign", MODEL, *words, "-o", str(tmp_path / "no.sig")]) == 2, words
        assert what in " ".join(capsys.readouterr().err.split()), words
    assert not (tmp_path / "no.sig").exists()


def test_a_version_that_was_never_sealed_has_nothing_to_sign(stack, capsys, tmp_path):
    stack.push()
    key = key_file(tmp_path)
    assert main(["sign", MODEL, "--key-file", str(key)]) == 2
    assert "nothing of 'flight-delays' serves" in " ".join(capsys.readouterr().err.split())
    assert main(["sign", MODEL, "--version", "3", "--key-file", str(key)]) == 2
    assert "was never sealed" in " ".join(capsys.readouterr().err.split())
