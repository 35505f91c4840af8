#!/usr/bin/env python3
# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Rewrites a katib-config so that our algorithms run from our image.

Reads a KatibConfig (the value of the key katib-config.yaml in Katib's ConfigMap katib-config) and
writes it with the suggestion entries of entries.yaml in place of the ones it had. Everything else
stays: other algorithms, metrics collectors, early stopping, the controller's own settings, and of a
replaced entry what belongs to the installation and not to the image (volumes, service account). An
algorithm that the config does not know yet is added. Comments are lost: YAML is read and written.

    kubectl -n kubeflow get configmap katib-config -o 'jsonpath={.data.katib-config\\.yaml}' \\
      | deploy/katib/switch-images.py --image registry.example.com/katib-suggestion:0.1.0 -

Needs PyYAML.
"""

import argparse
import copy
import pathlib
import sys

import yaml

ENTRIES = pathlib.Path(__file__).with_name("entries.yaml")

# Fields of an entry that say where the pod runs and what it mounts.
OF_THE_INSTALLATION = (
    "serviceAccountName",
    "volumeMountPath",
    "volumeMounts",
    "persistentVolumeClaimSpec",
    "persistentVolumeSpec",
    "persistentVolumeLabels",
)


class SwitchError(Exception):
    """What is wrong with an input, for the person who passed it."""


class IndentedDumper(yaml.SafeDumper):
    """Writes lists indented below their key, as Katib's own files do, and no anchors."""

    def increase_indent(self, flow=False, indentless=False):
        return super().increase_indent(flow, False)

    def ignore_aliases(self, data):
        return True


def entry_for(algorithm: str, old: dict, entries: dict, image: str) -> dict:
    """The new entry of one algorithm, keeping what belongs to the installation."""
    kept = {field: old[field] for field in OF_THE_INSTALLATION if field in old}
    container = copy.deepcopy(entries["container"])
    extras = copy.deepcopy(entries.get("extras", {}).get(algorithm, {}))
    return {"algorithmName": algorithm, "image": image, **container, **extras, **kept}


def switch(config: dict, entries: dict, image: str, algorithms: list[str]) -> dict:
    """A copy of `config` with the entries of `algorithms` replaced or added."""
    if not isinstance(config, dict) or config.get("kind") != "KatibConfig":
        raise SwitchError("this is no KatibConfig: its kind is missing or another")
    switched = copy.deepcopy(config)
    suggestions = switched.setdefault("runtime", {}).setdefault("suggestions", [])
    for algorithm in algorithms:
        positions = [i for i, e in enumerate(suggestions) if e["algorithmName"] == algorithm]
        old = suggestions[positions[0]] if positions else {}
        new = entry_for(algorithm, old, entries, image)
        if positions:
            suggestions[positions[0]] = new
            # Katib reads the last entry of a name, so a second one would win over ours.
            for duplicate in reversed(positions[1:]):
                del suggestions[duplicate]
        else:
            suggestions.append(new)
    return switched


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="the katib-config to rewrite, or - for standard input")
    parser.add_argument("--image", help="our image, instead of the one in entries.yaml")
    parser.add_argument("--only", help="these algorithms, separated by commas; default: all")
    options = parser.parse_args()

    entries = yaml.safe_load(ENTRIES.read_text())
    algorithms = options.only.split(",") if options.only else entries["algorithms"]
    try:
        if unknown := [name for name in algorithms if name not in entries["algorithms"]]:
            raise SwitchError(f"not an algorithm of our image: {', '.join(unknown)}")
        source = sys.stdin if options.config == "-" else open(options.config, encoding="utf-8")
        with source:
            config = yaml.safe_load(source)
        result = switch(config, entries, options.image or entries["image"], algorithms)
    except (OSError, yaml.YAMLError, SwitchError) as error:
        print(f"switch-images.py: {error}", file=sys.stderr)
        return 1
    yaml.dump(result, sys.stdout, Dumper=IndentedDumper, sort_keys=False, width=100)
    return 0


if __name__ == "__main__":
    sys.exit(main())
