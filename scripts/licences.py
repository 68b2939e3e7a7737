"""Checks the licence and the source of every package in the lock files against deny.toml, without a network.

    python3 scripts/licences.py

`cargo deny check` does the same and more, where it is installed: advisories too, whose database it fetches.
"""

import json
import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORKSPACES = ["Cargo.toml", "firmware/Cargo.toml", "fuzz/Cargo.toml", "no-std-check/Cargo.toml", "web/Cargo.toml"]
REGISTRY = "registry+"


def allowed(expression, licences):
    """Whether an SPDX expression can be met: `OR` chooses, `AND` wants both; `/` is the old way to write `OR`."""
    tokens = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))

    def either():
        met = both()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            met = both() or met
        return met

    def both():
        met = one()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            met = one() and met
        return met

    def one():
        token = tokens.pop(0)
        if token == "(":
            met = either()
            assert tokens.pop(0) == ")", expression
            return met
        met = token in licences
        if tokens and tokens[0] == "WITH":  # an exception only adds to what is allowed
            del tokens[:2]
        return met

    met = either()
    assert not tokens, expression
    return met


def main():
    licences = tomllib.loads((ROOT / "deny.toml").read_text())["licenses"]["allow"]
    packages = {}
    for manifest in WORKSPACES:
        command = ["cargo", "metadata", "--locked", "--format-version", "1", "--manifest-path", ROOT / manifest]
        for package in json.loads(subprocess.check_output(command))["packages"]:
            packages[package["id"]] = package
    wrong = []
    for package in packages.values():
        name = f"{package['name']} {package['version']}"
        if package["source"] is None:
            continue  # one of this repository's
        if not package["source"].startswith(REGISTRY):
            wrong.append(f"{name} comes from {package['source']}")
        if not package["license"] or not allowed(package["license"], licences):
            wrong.append(f"{name} has the licence {package['license']}")
    assert not wrong, "\n".join(wrong)
    foreign = sum(package["source"] is not None for package in packages.values())
    print(f"{foreign} packages, all from the registry and under licences of deny.toml")


if __name__ == "__main__":
    main()
