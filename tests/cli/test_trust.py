"""Signing a release, and what `verify-bundle` finds."""

from __future__ import annotations

import datetime
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

pytest.importorskip("model_signing", reason="the extra `trust` is not installed")

import model_signing
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rnnlite_pipeline.cli import main
from rnnlite_pipeline.cli.output import OUTPUTS
from rnnlite_pipeline.files import zip_bytes
from rnnlite_pipeline.release.digests import json_bytes, sha256, sums
from tests.fake.project import Project
from tests.release.test_bundle import _lay_out, _package


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A release."""
    return _package(_lay_out(tmp_path))


def write_key(folder: Path, name: str) -> ec.EllipticCurvePrivateKey:
    """A key: NAME.pem and NAME.pub.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    pkcs8 = serialization.PrivateFormat.PKCS8
    (folder / f"{name}.pem").write_bytes(key.private_bytes(pem, pkcs8, plain))
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    (folder / f"{name}.pub.pem").write_bytes(key.public_key().public_bytes(pem, public))
    return key


def write_certificate(
    folder: Path, name: str, key: ec.EllipticCurvePrivateKey, by: str, signer: Any, *, top: bool
) -> None:
    """NAME.crt, the certificate of a key, issued by another one."""
    now = datetime.datetime.now(datetime.UTC)

    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=top,
        crl_sign=top,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(by))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=top, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(above, critical=False)
    )
    made = builder.sign(signer, hashes.SHA256())
    (folder / f"{name}.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))


def signed(bundle: Path) -> Path:
    """The same, signed with `me.pem`."""
    folder = bundle.parent
    write_key(folder, "me")
    assert main(["sign", str(bundle), "--key", str(folder / "me.pem")]) == 0
    return bundle


def test_sign_json(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`sign --json` tells the signature's file and what it signs, as the schema says."""
    write_key(bundle.parent, "me")
    capsys.readouterr()
    assert main(["sign", str(bundle), "--key", str(bundle.parent / "me.pem"), "--json"]) == 0
    (told,) = TypeAdapter(OUTPUTS["sign"]).validate_json(capsys.readouterr().out, strict=True)
    assert told["error"] is None
    assert Path(told["files"][0]["path"]).suffix == ".sig"


def check(bundle: Path, *more: str, key: str = "me.pub.pem") -> int:
    """The status of `verify-bundle` with a public key."""
    return main(["verify-bundle", str(bundle), "--key", str(bundle.parent / key), *more])


def test_a_signed_release_is_verified(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the key that signed it, and not with another one; model_signing itself reads it too."""
    signed(bundle)
    write_key(bundle.parent, "other")
    capsys.readouterr()
    assert check(bundle) == 0
    told = [line.split(": ", 1)[1] for line in capsys.readouterr().out.splitlines()]
    assert told == ["signature", "digests", "statements", "lock"]
    assert check(bundle, key="other.pub.pem") == 1
    assert "is no signature of these files by whom you trust" in capsys.readouterr().err

    import model_signing

    config = model_signing.verifying.Config().set_ignore_unsigned_files(True)
    config.use_elliptic_key_verifier(public_key=bundle.parent / "me.pub.pem")
    config.verify(bundle.parent, bundle.with_suffix(".sig"))


def test_certificates(bundle: Path) -> None:
    """A key with a certificate of an authority counts where that authority is trusted."""
    folder = bundle.parent
    authority, own = write_key(folder, "root"), write_key(folder, "leaf")
    write_certificate(folder, "root", authority, "root", authority, top=True)
    write_certificate(folder, "leaf", own, "root", authority, top=False)
    stranger = write_key(folder, "stranger")
    write_certificate(folder, "stranger", stranger, "stranger", stranger, top=True)
    words = ["--certificate", f"{folder}/leaf.crt", "--chain", f"{folder}/root.crt"]
    assert main(["sign", str(bundle), "--key", f"{folder}/leaf.pem", *words]) == 0
    assert main(["verify-bundle", str(bundle), "--root", f"{folder}/root.crt"]) == 0
    assert main(["verify-bundle", str(bundle), "--root", f"{folder}/stranger.crt"]) == 1


def _rewrite(bundle: Path, change: Callable[[dict[str, bytes]], object]) -> None:
    """Another zip with a digest that fits, as someone without the key can write it."""
    with zipfile.ZipFile(bundle) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    bundle.write_bytes(zip_bytes(members))
    bundle.with_name(f"{bundle.name}.sha256").write_bytes(sums({bundle.name: bundle.read_bytes()}))


def _consistent(members: dict[str, bytes]) -> None:
    """Other content, with a manifest and sums that fit."""
    members["MODEL_CARD.md"] += b"more"
    manifest = json.loads(members["manifest.json"])
    for each in manifest["files"]:
        content = members[each["path"]]
        each.update(sha256=sha256(content), size=len(content))
    members["manifest.json"] = json_bytes(manifest)
    members["SHA256SUMS"] = sums({n: c for n, c in members.items() if n != "SHA256SUMS"})


TAMPERED: dict[str, tuple[Callable[[Path], object], str]] = {
    "a byte": (
        lambda b: b.with_name(f"{b.name}.sha256").write_bytes(b"0" * 64),
        "is not the bundle of",
    ),
    "all that fits": (lambda b: _rewrite(b, _consistent), "is not what"),
    "no zip": (lambda b: b.write_bytes(b"PK"), "is damaged"),
}


@pytest.mark.parametrize(("tamper", "message"), TAMPERED.values(), ids=TAMPERED)
def test_what_was_tampered_with_is_found(
    bundle: Path,
    tamper: Callable[[Path], object],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By the checks themselves (tests/trust), without a signature, and by the signature."""
    signed(bundle)
    tamper(bundle)
    capsys.readouterr()
    assert main(["verify-bundle", str(bundle), "--unsigned"]) == 1
    assert message in capsys.readouterr().err
    assert check(bundle) == 1


def test_the_signature_covers_what_stands_beside(bundle: Path) -> None:
    """A statement with other words and the right subjects is not the one that was signed."""
    signed(bundle)
    path = bundle.with_name(f"{bundle.stem}.provenance.json")
    told = json.loads(path.read_text())
    told["predicate"]["runDetails"]["builder"]["id"] = "https://example.com/somebody-else"
    path.write_text(json.dumps(told))
    assert main(["verify-bundle", str(bundle), "--unsigned"]) == 0
    assert check(bundle) == 1


def test_a_signature_of_fewer_files_is_none(bundle: Path) -> None:
    """A signature by the trusted key that leaves files out does not count for all of them."""
    import model_signing

    signed(bundle)
    assert check(bundle) == 0
    kinds = ("provenance", "test-result")
    left_out = [bundle.with_name(f"{bundle.stem}.{kind}.json") for kind in kinds]
    folder = bundle.parent.with_name("folder")
    folder.mkdir()
    for path in (bundle, bundle.with_name(f"{bundle.name}.sha256"), *left_out):
        shutil.copy(path, folder)
    hashing = model_signing.hashing.Config().set_ignored_paths(
        paths=[folder / path.name for path in left_out], ignore_git_paths=False
    )
    config = model_signing.signing.Config().set_hashing_config(hashing)
    config.use_elliptic_key_signer(private_key=bundle.parent / "me.pem")
    config.sign(folder, bundle.with_suffix(".sig"))
    left_out[0].write_text(left_out[0].read_text().replace("urn:rnnlite:local", "urn:else"))
    assert main(["verify-bundle", str(bundle), "--unsigned"]) == 0
    assert check(bundle) == 1


def test_without_a_signature_nothing_is_trusted(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One must say whom one trusts, or that one does not ask; a missing signature is an error."""
    assert main(["verify-bundle", str(bundle)]) == 2
    assert "Say whose signature you trust" in capsys.readouterr().err
    assert main(["verify-bundle", str(bundle), "--unsigned"]) == 0
    assert "NOT checked: who made it" in capsys.readouterr().out
    write_key(bundle.parent, "me")
    assert check(bundle) == 1
    assert "There is no signature" in capsys.readouterr().err


def test_sigstore_without_a_network(
    bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both commands say what is missing, and that keys need no network."""

    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(model_signing.signing.Config, "use_sigstore_signer", unreachable)
    monkeypatch.setattr(model_signing.verifying.Config, "use_sigstore_verifier", unreachable)
    signed(bundle)
    trusted = ["--identity", "me@example.org", "--issuer", "https://example.org"]
    for call in (["sign", str(bundle), "--sigstore"], ["verify-bundle", str(bundle), *trusted]):
        assert main(call) == 1
        said = capsys.readouterr().err
        assert "sigstore cannot be used: no route to host" in said
        assert "sigstore needs a network" in said


def test_the_lock_that_is_checked_in(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A release built to another lock than that of the repository is named by its differences."""
    lock = bundle.parent / "digits.lock.json"
    with zipfile.ZipFile(bundle) as archive:
        lock.write_bytes(archive.read("lock.json"))
    assert main(["verify-bundle", str(bundle), "--unsigned", "--lock", str(lock)]) == 0
    told = json.loads(lock.read_text()) | {"source": "0" * 64}
    lock.write_text(json.dumps(told))
    assert main(["verify-bundle", str(bundle), "--unsigned", "--lock", str(lock)]) == 1
    assert "source: locked 0000000000000000..., now" in capsys.readouterr().err


def test_a_release_is_built_again(project: Project) -> None:
    """The same config gives the same bytes, with the date of the release; another one does not."""
    assert project.run("package", "config.yaml", SOURCE_DATE_EPOCH="1700000000").returncode == 0
    shipped = project.folder / "shipped"
    shutil.copytree(project.bundle.parent, shipped)
    words = ["verify-bundle", f"shipped/{project.bundle.name}", "--unsigned"]
    same = project.run(*words, "--rebuild", "config.yaml")
    assert same.returncode == 0, same.stderr
    assert "built again, the same bytes" in same.stdout
    project.write_config("recurrent: {bidirectional: split}\n")
    other = project.run(*words, "--rebuild", "config.yaml")
    assert other.returncode == 1
    assert "config.yaml builds here: " in other.stderr
    assert "model.tflite" in other.stderr


def test_a_release_of_a_search_is_built_again(project: Project) -> None:
    """With the choice of its lock, on a machine whose search would choose otherwise."""
    np.savez(project.folder / "test.npz", x=np.zeros(2))
    project.write_config(
        "quantization: {scheme: auto, max_accuracy_drop: 0.01}\n"
        "verification: {data: {path: test.npz}}\n"
    )
    assert project.run("package", "config.yaml", FAKE_CHOICE="float16").returncode == 0
    (project.build / "runs").unlink()
    words = ["verify-bundle", str(project.bundle), "--unsigned", "--rebuild", "config.yaml"]
    again = project.run(*words, FAKE_CHOICE="dynamic_range")
    assert again.returncode == 0, again.stderr
    assert "built again, the same bytes" in again.stdout


def test_the_bill_of_materials(bundle: Path) -> None:
    """It is CycloneDX, the same each time, tells the checked digests, and is signed as well."""
    pytest.importorskip("cyclonedx", reason="the extra `trust` is not installed")
    assert main(["bom", str(bundle)]) == 0
    path = bundle.with_name(f"{bundle.stem}.cdx.json")
    first = path.read_bytes()
    told = json.loads(first)
    model = told["metadata"]["component"]
    assert model["type"] == "machine-learning-model"
    with zipfile.ZipFile(bundle) as archive:
        assert model["hashes"][0]["content"] == sha256(archive.read("model.tflite"))
    assert "modelCard" in model
    names = {each["name"] for each in told["components"]}
    assert {"source", "tensorflow", "ai-edge-litert"} <= names
    assert main(["bom", str(bundle)]) == 0
    assert path.read_bytes() == first
    signed(bundle)
    path.write_bytes(first.replace(b"digits", b"digitz", 1))
    assert check(bundle) == 1


def test_a_folder_that_refuses_a_file_stops_no_other_bundle(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The system's error is that of one bundle, and the next one is done."""
    other = tmp_path / "other"
    shutil.copytree(bundle.parent, other)
    taken = bundle.with_name(f"{bundle.stem}.cdx.json")
    taken.mkdir()
    assert main(["bom", str(bundle), str(other / bundle.name)]) == 1
    assert f"{taken.name}: Is a directory" in capsys.readouterr().err
    assert (other / taken.name).is_file()


CI = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/models",
    "GITHUB_SHA": "a" * 40,
    "GITHUB_REF": "refs/tags/v1",
    "GITHUB_RUN_ID": "7",
    "GITHUB_TOKEN": "hidden",
}


def test_the_provenance_names_the_ci(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Builder, run and commit come from the CI's environment; the zip is the same as without."""
    path = _lay_out(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    before = _package(path).read_bytes()
    for name, value in CI.items():
        monkeypatch.setenv(name, value)
    bundle = _package(path)
    assert bundle.read_bytes() == before
    text = bundle.with_name(f"{bundle.stem}.provenance.json").read_text()
    predicate = json.loads(text)["predicate"]
    assert predicate["runDetails"]["builder"]["id"].startswith("https://github.com/actions/runner/")
    run = "https://github.com/acme/models/actions/runs/7/attempts/1"
    assert predicate["runDetails"]["metadata"]["invocationId"] == run
    (repository,) = (
        each
        for each in predicate["buildDefinition"]["resolvedDependencies"]
        if each["name"] == "repository"
    )
    assert repository["digest"] == {"gitCommit": "a" * 40}
    assert "hidden" not in text
    assert main(["verify-bundle", str(bundle), "--unsigned"]) == 0
