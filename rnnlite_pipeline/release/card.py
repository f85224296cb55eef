"""MODEL_CARD.md: the release as a person reads it, with the front matter of Hugging Face's hub."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.metadata import Description
from rnnlite_pipeline.release.deploy import Deployment

_HUB_LICENSES = """
apache-2.0 mit bsd bsd-2-clause bsd-3-clause bsl-1.0 cc0-1.0 cc-by-2.0 cc-by-3.0 cc-by-4.0
cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-sa-4.0 cc-by-nc-nd-4.0
cc-by-nd-4.0 afl-3.0 artistic-2.0 ecl-2.0 eupl-1.1 eupl-1.2 agpl-3.0 gpl gpl-2.0 gpl-3.0 lgpl
lgpl-2.1 lgpl-3.0 isc mpl-2.0 ms-pl ncsa ofl-1.1 openrail osl-3.0 postgresql unlicense wtfpl zlib
"""

#: Licenses the hub knows by its own identifiers; another one is `other`, with its name beside.
HUB_LICENSES = frozenset(_HUB_LICENSES.split())


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
    fields = description.fields or {}
    parts = [
        _front_matter(config, fields),
        f"# {config.name} {config.version}\n",
        _paragraph(fields.get("description")),
        _section("Model", _facts(config, deployment, fields, size)),
        _section("Inputs", _ports(deployment, description, "inputs")),
        _section("Outputs", _ports(deployment, description, "outputs")),
        _section("Recurrent layers", _layers(description)),
        _section("State", f"{deployment.state}. {deployment.reset}\n"),
        _section("Verification", _figures(verification)),
        _section("Annotations", _table(("key", "text"), sorted(config.annotations.items()))),
        _section(
            "Files",
            "`report.html` shows the verification, `deploy/` holds code that runs the model,"
            " `lock.json` what it was built from; `sha256sum -c SHA256SUMS` checks them all.\n",
        ),
    ]
    return "\n".join(part for part in parts if part).encode()


def _front_matter(config: Config, fields: Mapping[str, Any]) -> str:
    matter: dict[str, Any] = {"library_name": "litert", "tags": ["tflite", "litert", "rnn"]}
    if named := fields.get("license"):
        known = named.lower() in HUB_LICENSES
        matter |= {"license": named.lower() if known else "other"}
        matter |= {} if known else {"license_name": named}
    matter["model_name"] = config.name
    text = yaml.safe_dump(matter, sort_keys=True, allow_unicode=True, width=100)
    return f"---\n{text}---\n"


def _facts(config: Config, deployment: Deployment, fields: Mapping[str, Any], size: int) -> str:
    rows = [
        ("author", fields.get("author") or "not told"),
        ("license", fields.get("license") or "not told"),
        ("size", f"{size:,} bytes"),
        ("quantization", config.quantization.scheme),
        ("ops", ", ".join(deployment.ops)),
        ("ops that LiteRT lacks", ", ".join(deployment.missing) or "none"),
        ("TFLite Micro", "; ".join(deployment.not_on_tflm) or "yes, as far as its ops tell"),
    ]
    return _table(("", ""), rows)


def _ports(deployment: Deployment, description: Description, side: str) -> str:
    told = {each.get("name"): each.get("description") or "" for each in description.tensors(side)}
    ports = deployment.inputs if side == "inputs" else deployment.outputs
    rows = [(p.described, told.get(p.name, ""), p.labels or "") for p in ports]
    return _table(("tensor (? is open)", "what it is", "labels"), rows)


def _layers(description: Description) -> str:
    keys = ("name", "op", "cell", "units", "direction", "time_major")
    layers = description.recurrent.get("layers", [])
    return _table(keys, [[str(layer.get(key, "")) for key in keys] for layer in layers])


def _figures(verification: Mapping[str, Any]) -> str:
    checks = verification.get("checks", [])
    rows = [
        (f"**{op} is not verified**", f"{reason}; another function took its place")
        for op, reason in verification.get("unverified_ops", {}).items()
    ]
    if ops := verification.get("ops_on_tensorflow"):
        rows.append(("run by TensorFlow, not by LiteRT", ", ".join(ops)))
    rows += [
        ("checks passed", f"{sum(bool(c.get('passed')) for c in checks)} of {len(checks)}"),
        ("largest difference from the source", str(verification.get("max_abs_error", ""))),
    ]
    rows += [
        (
            f"accuracy of {each['output']}, {each['kernels']} kernels, {each['samples']} samples",
            f"{each['litert']:.4f} (source {each['source']:.4f})",
        )
        for each in verification.get("accuracy", [])
    ]
    return _table(("", ""), rows)


def _section(title: str, content: str) -> str:
    return f"## {title}\n\n{content}" if content else ""


def _paragraph(text: str | None) -> str:
    return f"{text}\n" if text else ""


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(map(_cell, row))} |\n" for row in rows]
    if not lines:
        return ""
    return f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}\n{''.join(lines)}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
