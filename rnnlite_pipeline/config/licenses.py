"""Licenses that have an identifier.

Source: the Hugging Face hub's list of repository licenses; its identifiers are those of SPDX in
lower case, as far as SPDX has them.
"""

from __future__ import annotations

_KNOWN = """
apache-2.0 mit bsd bsd-2-clause bsd-3-clause bsl-1.0 cc0-1.0 cc-by-2.0 cc-by-3.0 cc-by-4.0
cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-sa-4.0 cc-by-nc-nd-4.0
cc-by-nd-4.0 afl-3.0 artistic-2.0 ecl-2.0 eupl-1.1 eupl-1.2 agpl-3.0 gpl gpl-2.0 gpl-3.0 lgpl
lgpl-2.1 lgpl-3.0 isc mpl-2.0 ms-pl ncsa ofl-1.1 openrail osl-3.0 postgresql unlicense wtfpl zlib
"""

#: The identifiers; another license is `other` there, with its name and a link to its terms.
KNOWN = frozenset(_KNOWN.split())


def identifier(named: str) -> str | None:
    """The identifier of a license, or None where the hub knows none of that name."""
    lower = named.strip().lower()
    return lower if lower in KNOWN else None
