"""Attest the Debian packages that are installed on this machine, and what they depend on.

    qntxpy run --store packages.db --attest with_job python/examples/ingest_packages.py
    qntxpy attestations --store packages.db --predicate depends_on --context package:libc6

Input (all optional): {"status_file": "/var/lib/dpkg/status", "limit": 100}

Each package gives one claim about itself and one for every package it depends on:

    package:bash  installed   version:5.2.15-2+b7   {"section": "shells", ...}
    package:bash  depends_on  package:libc6         {"relation": "Pre-Depends", ...}
"""

import os
import re

from qntx import attest, job, log, progress

DEFAULT_STATUS_FILE = "/var/lib/dpkg/status"

# One alternative of a relation: "libc6:any (>= 2.36)" -> name, and the version it asks for.
ALTERNATIVE = re.compile(r"(?P<name>[a-z0-9][a-z0-9+.\-]*)(?::\w+)?\s*(?:\((?P<version>[^)]*)\))?")


def paragraphs(path):
    """Yield each paragraph of a dpkg status file as a dict of its fields.

    A continuation line (it starts with a space) belongs to a field this script does not need, so
    it is skipped.
    """
    fields: dict[str, str] = {}
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line == "\n":
                if fields:
                    yield fields
                fields = {}
            elif not line[0].isspace():
                name, _, value = line.partition(":")
                fields[name] = value.strip()
    if fields:
        yield fields


def is_installed(fields):
    """dpkg also keeps paragraphs of removed packages; their status does not end so."""
    return fields.get("Status", "").endswith(" installed")


def relations(fields):
    """Yield (relation, package, wanted version or None) for each alternative of each dependency."""
    for relation in ("Pre-Depends", "Depends"):
        for clause in fields.get(relation, "").split(","):
            for alternative in clause.split("|"):
                match = ALTERNATIVE.match(alternative.strip())
                if match:
                    yield relation, match["name"], match["version"]


def attest_package(fields):
    """Attest one package. Return how many claims were made."""
    subject = [f"package:{fields['Package']}"]
    attest(
        subjects=subject,
        predicates=["installed"],
        contexts=[f"version:{fields['Version']}"],
        attributes={
            "section": fields.get("Section"),
            "installed_size_kib": int(fields.get("Installed-Size", 0)),
            "architecture": fields.get("Architecture"),
        },
    )
    # A package may name the same dependency twice ("a (>= 1), a (<< 2)"): one claim for each name.
    wanted: dict[str, dict] = {}
    for relation, name, version in relations(fields):
        attributes = wanted.setdefault(name, {"relation": relation, "versions": []})
        if version:
            attributes["versions"].append(version)
    for name, attributes in wanted.items():
        attest(subject, ["depends_on"], [f"package:{name}"], attributes=attributes)
    return 1 + len(wanted)


def main():
    options = job.input or {}
    path = options.get("status_file", DEFAULT_STATUS_FILE)
    if not os.path.exists(path):
        raise FileNotFoundError(f"{path}: no dpkg status file; name one in the input's status_file")

    installed = [fields for fields in paragraphs(path) if is_installed(fields)]
    installed = installed[: options.get("limit", len(installed))]
    log("status file read", status_file=path, packages=len(installed))

    claims = 0
    for number, fields in enumerate(installed, start=1):
        claims += attest_package(fields)
        if number % 50 == 0 or number == len(installed):
            progress(number, len(installed), fields["Package"])

    print(f"{len(installed)} packages, {claims} attestations")
    return {
        "status_file": path,
        "packages": len(installed),
        "attestations": claims,
        "installed_size_kib": sum(int(fields.get("Installed-Size", 0)) for fields in installed),
    }
