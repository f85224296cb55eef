"""`variants:` one config, several releases: what a variant replaces, and where it says so.

1. A variant names keys of the config itself. A single value or a list replaces the base's.
2. A section (`quantization:`) is replaced key by key: its keys that the variant does not name keep
   the base's values; a key that it names is replaced whole, with all that is below it.
3. `null` takes a key away, so that its default holds.
4. Where a variant names another `quantization.scheme`, `calibration`, `skip` and
   `max_accuracy_drop` of the base are left out if that scheme has none; all other keys must suit
   it.
5. `name` and `variants` cannot be replaced: the release is NAME-VARIANT.

`CONFIG/VARIANT` names one variant of a file, `CONFIG/base` the config without its variants. As no
file has anything below it, such a path never names a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from rnnlite_pipeline.config.base import FrozenMapping, text_like
from rnnlite_pipeline.config.conversion import CALIBRATED
from rnnlite_pipeline.config.document import Document, Loc, Place
from rnnlite_pipeline.errors import Problem

#: The name of the config itself in `CONFIG/base`; no variant may be called so.
BASE = "base"

#: The keys a variant cannot replace.
_OWN = ("name", "variants")


def _overrides(value: object) -> object:
    if not isinstance(value, Mapping):
        raise ValueError("expected a mapping with the keys that it replaces")
    return _frozen(value)


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return FrozenMapping({key: _frozen(entry) for key, entry in value.items()})
    return tuple(map(_frozen, value)) if isinstance(value, tuple) else value


VariantName = Annotated[
    str,
    *text_like(
        rf"(?!{BASE}$)[a-z0-9][a-z0-9.-]*",
        f"lower-case letters, digits, `.` and `-`, the first one a letter or digit; not `{BASE}`",
    ),
]
#: What one variant replaces. Its keys are checked where it is merged with the base.
Overrides = Annotated[Any, BeforeValidator(_overrides), WithJsonSchema({"type": "object"})]


def split_reference(path: Path) -> tuple[Path, str]:
    """`CONFIG/VARIANT` as the file and the variant; the variant is empty where none is named."""
    return (path.parent, path.name) if path.parent.is_file() else (path, "")


def forbidden_keys(document: Document, variant: str) -> Iterator[Problem]:
    """The keys of a variant that no variant can replace, each with its place."""
    for key in _OWN:
        loc = ("variants", variant, key)
        if loc in document.keys:
            message = "cannot be replaced by a variant; its release is named NAME-VARIANT"
            yield document.problem(loc, message, at_key=True)


def variant_documents(document: Document, variants: Iterable[str]) -> Iterator[Document]:
    """The file with the values of a variant in place of its own, each value with its place.

    Args:
        document: The file; its base is right, and each variant is a mapping.
        variants: Keys of its `variants`.
    """
    keys, values = _grouped(document.keys), _grouped(document.values)
    base: dict[str, Any] = dict(document.value)  # type: ignore[call-overload]  # it was validated
    overrides: Mapping[str, Any] = base.pop("variants", {})
    for variant in variants:
        named = {**base, "name": f"{base['name']}-{variant}"}
        merged, origins = _merged(named, overrides[variant], ("variants", variant))
        yield replace(
            document,
            value=merged,
            keys=_moved(keys[""], keys.get(variant, {}), origins),
            values=_moved(values[""], values.get(variant, {}), origins),
            origins=origins,
            variant=variant,
        )


def _grouped(places: Mapping[Loc, Place]) -> dict[str, dict[Loc, Place]]:
    """The places of each variant, and under the empty name those of the base."""
    groups: dict[str, dict[Loc, Place]] = {"": {}}
    for loc, place in places.items():
        if loc[:1] != ("variants",):
            groups[""][loc] = place
        elif len(loc) > 1:
            groups.setdefault(str(loc[1]), {})[loc] = place
    return groups


def _merged(
    base: dict[str, Any], overrides: Mapping[str, Any], at: Loc
) -> tuple[dict[str, Any], dict[Loc, Loc]]:
    """The values, and the place in the file of each replaced one."""
    merged = dict(base)
    origins: dict[Loc, Loc] = {}
    for key, value in overrides.items():
        if key in _OWN:
            continue
        origins[key,] = (*at, key)
        before = base.get(key)
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(before, Mapping):
            section = {**_inherited(key, before, value), **value}
            merged[key] = {name: entry for name, entry in section.items() if entry is not None}
            origins |= {(key, name): (*at, key, name) for name in value}
        else:
            merged[key] = value
    return merged, origins


def _inherited(key: str, before: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a section of the base that a variant keeps: rule 4."""
    inherited, scheme = dict(before), value.get("scheme")
    if key == "quantization" and scheme is not None:
        if scheme not in (*CALIBRATED, "auto"):
            inherited.pop("calibration", None)
        if scheme in ("none", "auto"):
            inherited.pop("skip", None)
        if scheme != "auto":
            inherited.pop("max_accuracy_drop", None)
    return inherited


def _moved(
    base: Mapping[Loc, Place], own: Mapping[Loc, Place], origins: Mapping[Loc, Loc]
) -> dict[Loc, Place]:
    """The places of the merged values: those of what a variant replaces are its own."""
    by_origin = {origin: loc for loc, origin in origins.items()}
    kept = {loc: at for loc, at in base.items() if not ({loc, loc[:2]} & origins.keys())}
    moved: dict[Loc, Place] = {}
    for loc, place in own.items():
        for size in (4, 3):
            if (new := by_origin.get(loc[:size])) is not None:
                moved[*new, *loc[size:]] = place
                break
    return kept | moved
