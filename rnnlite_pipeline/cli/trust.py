"""`rnnlite sign`, `rnnlite verify-bundle` and `rnnlite bom`."""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from rnnlite_pipeline.cli.arguments import Call
from rnnlite_pipeline.cli.failure import failed, print_json
from rnnlite_pipeline.cli.output import BundleJson, error_json, files_json
from rnnlite_pipeline.config.chosen import Chosen, chosen_by
from rnnlite_pipeline.errors import CallError, RnnliteError, StageError, of_system
from rnnlite_pipeline.files import near, write_atomically
from rnnlite_pipeline.trust.checks import check_digests, checks, different_members, epoch_of
from rnnlite_pipeline.trust.files import Bundle, read_bundle
from rnnlite_pipeline.trust.signature import (
    Signer,
    Trusted,
    check_signature,
    names_signed,
    sign,
)

#: The variable of the environment that holds the password of a key.
PASSWORD = "RNNLITE_KEY_PASSWORD"

#: Builds a config's release in a folder, with the choice of a search where the config asks for one,
#: and returns the exit status.
Build = Callable[[Path, Path, Chosen | None], int]


def sign_bundles(call: Call) -> int:
    """Signs each bundle; the names of the signed files are printed."""
    if bool(call.key) == bool(call.sigstore):
        raise CallError("Say how to sign.", "Give --key PRIVATE.pem, or --sigstore.")
    if call.certificate and not call.key:
        raise CallError("A certificate needs its private key.", "Add --key PRIVATE.pem.")
    if call.chain and not call.certificate:
        raise CallError(
            "--chain has the certificates above another one.", "Add --certificate FILE."
        )
    signer = Signer(call.key, os.environ.get(PASSWORD), call.certificate, tuple(call.chain))

    def work(path: Path) -> Iterator[str | Path]:
        bundle = read_bundle(path)
        check_digests(bundle)
        made = sign(bundle, signer)
        yield made
        yield f"{near(made)}: signs {', '.join(names_signed(bundle))}"

    return _each(call, work)


def verify_bundles(call: Call, build: Build) -> int:
    """Checks each bundle; every check that passed is printed.

    Args:
        call: What was asked for.
        build: Builds a config, for `--rebuild`.
    """
    trusted = _trusted(call)
    if len(call.bundles) > 1 and (call.lock or call.rebuild):
        raise CallError("--lock and --rebuild are about one bundle.", "Give one bundle.")
    return _each(call, lambda path: _verify(path, trusted, call, build))


def write_bills(call: Call) -> int:
    """Writes the bill of materials of each bundle beside it."""
    from rnnlite_pipeline.trust.bom import bill_of_materials

    def work(path: Path) -> Iterator[str | Path]:
        bundle = read_bundle(path)
        for _ in checks(bundle, None):  # a bill of materials has checked facts only
            continue
        made = path.with_name(f"{path.stem}.cdx.json")
        write_atomically(made, bill_of_materials(bundle))
        yield made
        yield str(near(made))

    return _each(call, work)


def _each(call: Call, work: Callable[[Path], Iterator[str | Path]]) -> int:
    """Does something with each bundle: it yields lines to print, or files that it made."""
    status, told = 0, list[BundleJson]()
    for path in call.bundles:
        one: BundleJson = {"bundle": str(path), "error": None, "files": [], "checks": []}
        told.append(one)
        try:
            for found in work(path):
                if isinstance(found, Path):
                    one["files"] += files_json([found])
                    continue
                one["checks"].append(found)
                if not call.json and not call.quiet:
                    sys.stdout.write(f"{found}\n")
        except (RnnliteError, OSError) as raised:
            error = of_system(raised, path) if isinstance(raised, OSError) else raised
            message = str(error)
            named = len(call.bundles) > 1 and str(path) not in message
            told_as = f"{path}: {message}" if named else message
            status = max(status, failed(told_as, error.exit_status))
            one["error"] = error_json(error)
    if call.json:
        print_json(told)
    return status


def _trusted(call: Call) -> Trusted | None:
    ways = [bool(call.key), bool(call.roots), bool(call.identity or call.issuer), call.unsigned]
    if sum(ways) != 1:
        raise CallError(
            "Say whose signature you trust.",
            "Give one of --key PUBLIC.pem, --root CERTIFICATE.pem, --identity with --issuer; or"
            " --unsigned, to check everything except the signature.",
        )
    if bool(call.identity) != bool(call.issuer):
        raise CallError("sigstore needs both.", "Give --identity and --issuer.")
    if call.unsigned:
        return None
    return Trusted(call.key, tuple(call.roots), call.identity, call.issuer)


def _verify(path: Path, trusted: Trusted | None, call: Call, build: Build) -> Iterator[str | Path]:
    bundle = read_bundle(path)
    if trusted:
        check_signature(bundle, trusted)
        yield f"{near(path)}: signature"
    else:
        yield f"{near(path)}: NOT checked: who made it"
    for name in checks(bundle, call.lock):
        yield f"{near(path)}: {name}"
    if call.rebuild:
        shown = io.StringIO() if call.quiet else sys.stderr if call.json else sys.stdout
        with redirect_stdout(shown):
            _rebuild(bundle, call.rebuild, build)
        yield f"{near(path)}: built again, the same bytes"


def _rebuild(bundle: Bundle, config: Path, build: Build) -> None:
    from rnnlite_pipeline.config import load_config

    release = load_config(config)
    name = f"{release.name}-{release.version}.zip"
    if name != bundle.path.name:
        raise CallError(f"{config} makes {name}, not {bundle.path.name}.")
    chosen = None
    if release.quantization.scheme == "auto":  # what a search measures here may be something else
        chosen = chosen_by(json.loads(bundle.members["lock.json"]))
        if chosen is None:
            raise StageError(
                f"lock.json in {bundle.path} does not say what quantization.scheme auto chose.",
                f"{config} asks for a search; this release was built from another config.",
            )
    with tempfile.TemporaryDirectory(prefix="rnnlite-") as folder, _date(epoch_of(bundle)):
        if build(config, Path(folder), chosen):
            raise StageError(f"{config} could not be built again.")
        again = read_bundle(Path(folder) / release.name / "dist" / name)
        if different := different_members(bundle, again):
            raise StageError(
                f"{bundle.path} is not what {config} builds here: {', '.join(different)}.",
                "lock.json in the bundle lists what it was built from.",
            )


@contextmanager
def _date(epoch: int | None) -> Iterator[None]:
    """SOURCE_DATE_EPOCH as it was when the bundle was built."""
    before = os.environ.pop("SOURCE_DATE_EPOCH", None)
    if epoch is not None:
        os.environ["SOURCE_DATE_EPOCH"] = str(epoch)
    try:
        yield
    finally:
        os.environ.pop("SOURCE_DATE_EPOCH", None)
        if before is not None:
            os.environ["SOURCE_DATE_EPOCH"] = before
