"""Finding one's way in the models: the section and the choices at a place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from rnnlite_pipeline.config.document import Loc, dotted


def section_at(model: type[BaseModel], loc: Loc) -> type[BaseModel] | None:
    """The section whose keys are below `loc`, or None if there is none."""
    sections = (t for t in _alternatives(_type_at(model, loc)) if _is_section(t))
    return next(sections, None)


def choices_at(model: type[BaseModel], loc: Loc) -> list[str]:
    """The values a key can have, as written in YAML; empty where it is not a choice."""
    return [
        str(choice).lower() if isinstance(choice, bool) else str(choice)
        for alternative in _alternatives(_type_at(model, loc))
        if get_origin(alternative) is Literal
        for choice in get_args(alternative)
    ]


def homes_of(model: type[BaseModel], key: str) -> list[str]:
    """The sections that have a key of this name, as `quantization` or `verification.data`."""
    return [dotted(loc) for loc, here in sections_of(model) if loc and key in here.model_fields]


def sections_of(model: type[BaseModel], loc: Loc = ()) -> Iterator[tuple[Loc, type[BaseModel]]]:
    """Every section from this one down, with the way to it; of a list, that of its items."""
    yield loc, model
    for name, info in model.model_fields.items():
        for alternative in _alternatives(info.annotation):
            item = _item_type(alternative)
            if _is_section(alternative):
                yield from sections_of(alternative, (*loc, name))
            elif _is_section(item):
                yield from sections_of(item, (*loc, name))


def _type_at(model: type[BaseModel], loc: Loc) -> Any:
    here: Any = model
    for part in loc:
        for alternative in _alternatives(here):
            if _is_section(alternative) and part in alternative.model_fields:
                here = alternative.model_fields[part].annotation
                break
            if (item := _item_type(alternative)) is not None:
                here = item
                break
        else:
            return None
    return here


def _item_type(annotation: Any) -> Any:
    """What a tuple or a mapping holds."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is tuple and arguments:
        return arguments[0]
    if origin is Mapping or (isinstance(origin, type) and issubclass(origin, Mapping)):
        return arguments[1]
    return None


def _alternatives(annotation: Any) -> list[Any]:
    """The members of a union, of `Annotated` the type itself, unpacked to the end."""
    if get_origin(annotation) is Annotated:
        return _alternatives(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [one for member in get_args(annotation) for one in _alternatives(member)]
    return [annotation]


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
