"""Signatures: who signed, what is covered, and what goes wrong."""

from __future__ import annotations

import base64
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("model_signing", reason="the extra `trust` is not installed")

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rnnlite_pipeline.errors import CallError, StageError
from rnnlite_pipeline.trust.files import Bundle, read_bundle
from rnnlite_pipeline.trust.signature import (
    Signer,
    Trusted,
    check_signature,
    names_signed,
    sign,
)
from tests.trust.conftest import beside


def write_key(folder: Path, name: str, password: bytes = b"") -> tuple[Path, Path]:
    """A private key, and its public one."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    locked = serialization.BestAvailableEncryption(password) if password else None
    private, public = folder / f"{name}.pem", folder / f"{name}.pub.pem"
    private.write_bytes(key.private_bytes(pem, pkcs8, locked or serialization.NoEncryption()))
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(key.public_key().public_bytes(pem, form))
    return private, public


def test_who_signed_is_who_is_trusted(bundle: Bundle, tmp_path: Path) -> None:
    """The signature stands beside the zip; another key, or another file, is not covered by it."""
    private, public = write_key(tmp_path, "me")
    assert sign(bundle, Signer(private)) == bundle.path.with_suffix(".sig")
    check_signature(bundle, Trusted(public))
    _, stranger = write_key(tmp_path, "stranger")
    with pytest.raises(StageError, match="by whom you trust"):
        check_signature(bundle, Trusted(stranger))
    with pytest.raises(StageError, match="by whom you trust"):
        check_signature(beside(bundle, ".provenance.json", b"{}"), Trusted(public))


def test_a_key_with_a_password(bundle: Bundle, tmp_path: Path) -> None:
    """It signs with the right one, and with no other, nor without."""
    private, public = write_key(tmp_path, "me", b"secret")
    for password in (None, "wrong"):
        with pytest.raises(StageError, match="The key cannot be used") as told:
            sign(bundle, Signer(private, password))
        assert "secret" not in str(told.value)
        assert not bundle.signature.exists()
    sign(bundle, Signer(private, "secret"))
    check_signature(bundle, Trusted(public))


def test_a_bill_of_materials_is_signed_where_it_is_there(bundle: Bundle, tmp_path: Path) -> None:
    """One that appears after the signing is not covered, and so not accepted."""
    private, public = write_key(tmp_path, "me")
    sign(bundle, Signer(private))
    more = beside(bundle, ".cdx.json", b"{}")
    assert len(names_signed(more)) == len(names_signed(bundle)) + 1
    with pytest.raises(StageError, match="by whom you trust"):
        check_signature(more, Trusted(public))
    sign(more, Signer(private))
    check_signature(more, Trusted(public))
    with pytest.raises(StageError, match="by whom you trust"):
        check_signature(bundle, Trusted(public))  # it was signed, and is gone


def test_a_key_that_is_not_there_is_a_wrong_call(bundle: Bundle, tmp_path: Path) -> None:
    """Of the signer and of who is trusted; each is named."""
    private, public = write_key(tmp_path, "me")
    none = tmp_path / "none.pem"
    for signer in (
        Signer(none),
        Signer(private, certificate=none),
        Signer(none, certificate=public),
    ):
        with pytest.raises(CallError, match=r"none\.pem: no such file"):
            sign(bundle, signer)
    sign(bundle, Signer(private))
    for trusted in (Trusted(none), Trusted(roots=(public, none))):
        with pytest.raises(CallError, match=r"none\.pem: no such file"):
            check_signature(bundle, trusted)


def test_a_key_that_is_none(bundle: Bundle, tmp_path: Path) -> None:
    """Another file in its place is one sentence."""
    other = tmp_path / "other.pem"
    other.write_text("not a key")
    for signer, message in (
        (Signer(other), "The key cannot be used"),
        (Signer(other, certificate=other), "The key or the certificate cannot be used"),
    ):
        with pytest.raises(StageError, match=message):
            sign(bundle, signer)
    private, _ = write_key(tmp_path, "me")
    sign(bundle, Signer(private))
    with pytest.raises(StageError, match=r"other\.pem is no public key"):
        check_signature(bundle, Trusted(other))


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"[]", b"null", b"\xff", b"[" * 10_000])
def test_a_signature_that_is_none(bundle: Bundle, tmp_path: Path, content: bytes) -> None:
    """Whatever stands in its place, it is one sentence."""
    _, public = write_key(tmp_path, "me")
    with pytest.raises(StageError, match="There is no signature"):
        check_signature(bundle, Trusted(public))
    bundle.signature.write_bytes(content)
    with pytest.raises(StageError, match="is no signature of these files"):
        check_signature(bundle, Trusted(public))


def test_the_signature_of_another_release(bundle: Bundle, tmp_path: Path) -> None:
    """The same files under another name are another release."""
    private, public = write_key(tmp_path, "me")
    sign(bundle, Signer(private))
    folder = tmp_path / "renamed"
    folder.mkdir()
    for path in bundle.path.parent.iterdir():
        shutil.copy(path, folder / path.name.replace("1.2.0", "9.9.9"))
    renamed = read_bundle(folder / "digits-9.9.9.zip")
    with pytest.raises(StageError, match="by whom you trust"):
        check_signature(renamed, Trusted(public))


def test_what_was_signed_is_what_is_read(bundle: Bundle, tmp_path: Path) -> None:
    """The signature is of the statement in it; other words in the statement are not signed."""
    private, public = write_key(tmp_path, "me")
    sign(bundle, Signer(private))
    told = json.loads(bundle.signature.read_bytes())
    payload = json.loads(base64.b64decode(told["dsseEnvelope"]["payload"]))
    payload["predicate"]["resources"].pop()
    told["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(payload).encode()).decode()
    bundle.signature.write_text(json.dumps(told))
    with pytest.raises(StageError, match="by whom you trust"):
        check_signature(bundle, Trusted(public))


def test_a_folder_that_takes_no_signature(bundle: Bundle, tmp_path: Path) -> None:
    """It is the system's error, which names the file."""
    private, _ = write_key(tmp_path, "me")
    with pytest.raises(OSError, match="elsewhere"):
        sign(replace(bundle, path=Path("/proc/elsewhere/digits-1.2.0.zip")), Signer(private))
