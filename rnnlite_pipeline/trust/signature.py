"""The signature of a release, in OpenSSF Model Signing's format, by the package `model-signing`.

The bundle and the statements beside it are signed as the files of one folder: NAME.zip,
NAME.zip.sha256, NAME.provenance.json, NAME.test-result.json, and NAME.cdx.json where it is there.
The bundle's manifest names the digest of each file in it, so all of them are signed. The signature
is NAME.sig beside them; `model_signing verify` reads it too.
"""

from __future__ import annotations

import base64
import json
import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnlite_pipeline.errors import CallError, StageError
from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.trust.files import Bundle

_INSTALL = "Run `pip install rnnlite[trust]`."

_OFFLINE = "sigstore needs a network. Keys and certificates (--key) need none."


@dataclass(frozen=True)
class Signer:
    """How to sign: with a key, with a key and its certificate, or by sigstore (neither).

    Attributes:
        key: A private key on an elliptic curve, PEM.
        password: Of the key; None where it has none.
        certificate: The certificate of the key, PEM.
        chain: The certificates above it, PEM.
    """

    key: Path | None = None
    password: str | None = None
    certificate: Path | None = None
    chain: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Trusted:
    """Whose signature counts: a public key, certificates at the root, or an identity of sigstore.

    Attributes:
        key: A public key, PEM.
        roots: Certificates that are trusted, PEM.
        identity: As sigstore's certificate names it; `issuer`: who vouched for it.
    """

    key: Path | None = None
    roots: tuple[Path, ...] = ()
    identity: str = ""
    issuer: str = ""


def sign(bundle: Bundle, signer: Signer) -> Path:
    """Writes the signature of a release, and returns its path.

    Raises:
        CallError: `model-signing` is not installed, or a key is not there or cannot be read.
        StageError: It could not be signed.
    """
    signing = _package().signing
    config = signing.Config()
    if signer.certificate:
        _there(signer.key, signer.certificate, *signer.chain)
        _told(
            lambda: config.use_certificate_signer(
                private_key=signer.key,
                signing_certificate=signer.certificate,
                certificate_chain=list(signer.chain),
            ),
            "The key or the certificate cannot be used",
        )
    elif signer.key:
        _there(signer.key)
        # As bytes: it hands the password on to `cryptography`, which takes no text (1.1.1).
        password = signer.password.encode() if signer.password else None
        _told(
            lambda: config.use_elliptic_key_signer(private_key=signer.key, password=password),
            "The key cannot be used",
        )
    else:
        _told(config.use_sigstore_signer, "sigstore cannot be used", _OFFLINE)
    with _folder(bundle) as folder:
        made = folder.with_name("signature")
        _told(lambda: config.sign(folder, made), f"{bundle.path} could not be signed")
        write_atomically(bundle.signature, made.read_bytes())
    return bundle.signature


def check_signature(bundle: Bundle, trusted: Trusted) -> None:
    """Holds a release to its signature.

    Raises:
        CallError: `model-signing` is not installed, or a key is not there.
        StageError: There is no signature, another person signed, or other files were signed.
    """
    verifying = _package().verifying
    if not bundle.signature.is_file():
        raise StageError(
            f"There is no signature {bundle.signature}.", "Download it with the bundle."
        )
    config = verifying.Config()
    if trusted.key:
        _there(trusted.key)
        _told(
            lambda: config.use_elliptic_key_verifier(public_key=trusted.key),
            f"{trusted.key} is no public key",
        )
    elif trusted.roots:
        _there(*trusted.roots)
        _told(
            lambda: config.use_certificate_verifier(certificate_chain=list(trusted.roots)),
            "The certificates cannot be used",
        )
    else:
        _told(
            lambda: config.use_sigstore_verifier(
                identity=trusted.identity, oidc_issuer=trusted.issuer
            ),
            "sigstore cannot be used",
            _OFFLINE,
        )
    what = f"{bundle.signature} is no signature of these files by whom you trust"
    with _folder(bundle) as folder:
        _told(lambda: config.verify(folder, bundle.signature.absolute()), what)
    # A signature may leave files out (`ignore_paths`): one of a release leaves out none.
    if _covered(bundle.signature) != names_signed(bundle):
        raise StageError(f"{what}: it does not cover all of {', '.join(names_signed(bundle))}")


def _covered(signature: Path) -> list[str]:
    """The files that a verified signature is of: the resources of its in-toto statement."""
    try:
        envelope = json.loads(signature.read_bytes())["dsseEnvelope"]
        statement = json.loads(base64.b64decode(envelope["payload"]))
        return sorted(each["name"] for each in statement["predicate"]["resources"])
    except (ValueError, KeyError, TypeError):
        return []


@contextmanager
def _folder(bundle: Bundle) -> Iterator[Path]:
    """A folder with the files that are signed, and no other."""
    with tempfile.TemporaryDirectory(prefix="rnnlite-") as temporary:
        folder = Path(temporary) / "release"
        folder.mkdir()
        (folder / bundle.path.name).write_bytes(bundle.path.read_bytes())
        for name, content in bundle.beside.items():
            (folder / name).write_bytes(content)
        yield folder


def _package() -> Any:
    try:
        import model_signing
    except ImportError:
        raise CallError("model-signing is not installed.", _INSTALL) from None
    logging.getLogger("model_signing").setLevel(logging.ERROR)
    return model_signing


def _there(*paths: Path | None) -> None:
    for path in paths:
        if path is not None and not path.is_file():
            raise CallError(f"{path}: no such file.")


def _told(work: Callable[[], object], what: str, remedy: str = "") -> None:
    try:
        work()
    except Exception as error:  # noqa: BLE001  # the package raises errors of several libraries
        reason = str(error).strip().split("\n", 1)[0] or type(error).__name__
        raise StageError(f"{what}: {reason}", remedy) from None


def names_signed(bundle: Bundle) -> Sequence[str]:
    """The names of the files that a signature of this release covers."""
    return sorted([bundle.path.name, *bundle.beside])
