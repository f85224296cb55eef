"""MODEL_CARD.md: the release as a person reads it, with the front matter of Hugging Face's hub."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.config.licenses import identifier
from rnnlite_pipeline.metadata import Description
from rnnlite_pipeline.release.deploy import Deployment
from rnnlite_pipeline.report.templating import templates

#: What the card says about a recurrent layer.
_LAYER = ("name", "op", "cell", "units", "direction", "time_major")


def model_card(
    config: Config,
    deployment: Deployment,
    description: Description,
    verification: Mapping[str, Any],
    size: int,
) -> bytes:
    """The card.

    Args:
        config: The model's config.
        deployment: Its interface.
        description: Its metadata, as read from the file.
        verification: The content of verification.json.
        size: Bytes of model.tflite.
    """
    fields, card = description.fields or {}, config.package.card
    matter = front_matter(config, fields, verification)
    values = {
        "matter": yaml.safe_dump(matter, sort_keys=True, allow_unicode=True, width=100),
        "title": f"{config.name} {config.version}",
        "description": fields.get("description"),
        "intended_use": card and card.intended_use,
        "limits": card and card.limits,
        "facts": _facts(config, deployment, fields, size),
        "inputs": _ports(deployment, description, "inputs"),
        "outputs": _ports(deployment, description, "outputs"),
        "layer_keys": _LAYER,
        "layers": _layers(description),
        "state": deployment.state,
        "reset": deployment.reset,
        "figures": _figures(verification),
        "annotations": sorted(config.annotations.items()),
    }
    made = templates("rnnlite_pipeline.release").overlay()
    made.filters = {**made.filters, "cell": _cell}
    return made.get_template("MODEL_CARD.md.jinja").render(values).encode()


def front_matter(
    config: Config, fields: Mapping[str, Any], verification: Mapping[str, Any]
) -> dict[str, Any]:
    """What the hub reads: library, task, license, origin, and what was measured.

    Source: huggingface/hub-docs, modelcard.md.

    Args:
        config: The model's config.
        fields: The ModelMetadata in the model.
        verification: The content of verification.json.
    """
    card = config.package.card
    matter: dict[str, Any] = {
        "library_name": "litert",
        "model_name": config.name,
        "tags": ["tflite", "litert", "rnn"],
    }
    if named := fields.get("license"):
        known = identifier(named)
        matter["license"] = known or "other"
        matter |= {} if known else {"license_name": named}
    if card:
        told = {
            "pipeline_tag": card.task,
            "base_model": card.base_model,
            "datasets": list(card.datasets),
            "license_link": card.license_link if matter.get("license") == "other" else None,
        }
        matter |= {key: value for key, value in told.items() if value}
    if results := _results(config, verification):
        matter["metrics"] = ["accuracy"]
        matter["model-index"] = [{"name": config.name, "results": results}]
    return matter


def _results(config: Config, verification: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The accuracy of each output, the lowest of all kernels, as an entry of `model-index`."""
    card, data = config.package.card, config.verification.data.path
    worst: dict[str, Mapping[str, Any]] = {}
    for each in verification.get("accuracy", []):
        known = worst.setdefault(each["output"], each)
        if each["litert"] < known["litert"]:
            worst[each["output"]] = each
    name = (data or "").rsplit("/", 1)[-1]
    return [
        {
            "task": {"type": (card and card.task) or "other"},
            "dataset": {"name": name, "type": card.datasets[0] if card and card.datasets else name},
            "metrics": [
                {
                    "type": "accuracy",
                    "name": f"accuracy of {output}, {each['samples']} samples",
                    "value": round(each["litert"], 6),
                }
            ],
        }
        for output, each in worst.items()
    ]


def _facts(
    config: Config, deployment: Deployment, fields: Mapping[str, Any], size: int
) -> list[tuple[str, str]]:
    return [
        ("author", fields.get("author") or "not given"),
        ("license", fields.get("license") or "not given"),
        ("size", f"{size:,} bytes"),
        ("quantization", config.quantization.scheme),
        ("ops", ", ".join(deployment.ops)),
        ("ops that LiteRT lacks", ", ".join(deployment.missing) or "none"),
        ("made for", ", ".join(deployment.targets)),
    ]


def _ports(
    deployment: Deployment, description: Description, side: str
) -> list[tuple[str, str, str]]:
    told = {each.get("name"): each.get("description") or "" for each in description.tensors(side)}
    ports = deployment.inputs if side == "inputs" else deployment.outputs
    return [(p.described, told.get(p.name, ""), p.labels or "") for p in ports]


def _layers(description: Description) -> list[Sequence[str]]:
    layers = description.recurrent.get("layers", [])
    return [[str(layer.get(key, "")) for key in _LAYER] for layer in layers]


def _figures(verification: Mapping[str, Any]) -> list[tuple[str, str]]:
    checks = verification.get("checks", [])
    rows = [
        (f"**{op} is not verified**", f"{reason}; another function took its place")
        for op, reason in verification.get("unverified_ops", {}).items()
    ]
    if ops := verification.get("ops_on_tensorflow"):
        rows.append(("run by TensorFlow, not by LiteRT", ", ".join(ops)))
    rows += [
        ("checks passed", f"{sum(bool(c.get('passed')) for c in checks)} of {len(checks)}"),
        ("largest difference from the source", _error(verification, checks)),
    ]
    rows += [
        (
            f"accuracy of {each['output']}, {each['kernels']} kernels, {each['samples']} samples",
            f"{each['litert']:.4f} (source {each['source']:.4f})",
        )
        for each in verification.get("accuracy", [])
    ]
    return rows


def _error(verification: Mapping[str, Any], checks: Sequence[Mapping[str, Any]]) -> str:
    """The largest error and its limit."""
    told = verification.get("max_abs_error", "")
    judged = (c for c in checks if "max_abs_error" in c and "rounding" not in c)
    limit = next((c.get("limit") for c in judged if c["max_abs_error"] == told), None)
    shown = f"{told:.2g}" if isinstance(told, float) else f"{told}"
    return shown if limit is None else f"{shown} (the limit is {limit:.3g})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
