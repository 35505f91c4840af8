#!/usr/bin/env python3
# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Rewrites a katib-config so that our algorithms run from our images.

Reads a KatibConfig (the value of the key katib-config.yaml in Katib's ConfigMap katib-config) and
writes it with the suggestion and early-stopping entries of entries.yaml in place of the ones it had.
Everything else stays: other algorithms, metrics collectors, the controller's own settings, and of a
replaced entry what belongs to the installation and not to the image (volumes, service account). An
algorithm that the config does not know yet is added. Comments are lost: YAML is read and written.

With --image alone the early-stopping entries stay as they are: their image is another one.

    kubectl -n kubeflow get configmap katib-config -o 'jsonpath={.data.katib-config\\.yaml}' \\
      | deploy/katib/switch-images.py --image registry.example.com/katib-suggestion:0.1.0 \\
          --early-stopping-image registry.example.com/katib-early-stopping:0.1.0 -

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


def replace(known: list[dict], new: dict):
    """Puts an entry in place of those of its algorithm, or at the end."""
    name = new["algorithmName"]
    positions = [i for i, e in enumerate(known) if e["algorithmName"] == name]
    if not positions:
        known.append(new)
        return
    known[positions[0]] = new
    # Katib reads the last entry of a name, so a second one would win over ours.
    for duplicate in reversed(positions[1:]):
        del known[duplicate]


def switch(
    config: dict, entries: dict, image: str, algorithms: list[str], early_stopping_image: str = ""
) -> dict:
    """A copy of `config` with the entries of `algorithms` replaced or added; those of early-stopping
    algorithms only with an image for them."""
    if not isinstance(config, dict) or config.get("kind") != "KatibConfig":
        raise SwitchError("this is no KatibConfig: its kind is missing or another")
    switched = copy.deepcopy(config)
    runtime = switched.setdefault("runtime", {})
    suggestions = runtime.setdefault("suggestions", [])
    for algorithm in algorithms:
        if algorithm in entries["earlyStoppingAlgorithms"]:
            if early_stopping_image:
                container = copy.deepcopy(entries["earlyStoppingContainer"])
                new = {"algorithmName": algorithm, "image": early_stopping_image, **container}
                replace(runtime.setdefault("earlyStoppings", []), new)
            continue
        old = next((e for e in suggestions if e["algorithmName"] == algorithm), {})
        replace(suggestions, entry_for(algorithm, old, entries, image))
    return switched


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="the katib-config to rewrite, or - for standard input")
    parser.add_argument("--image", help="our image, instead of the one in entries.yaml")
    parser.add_argument("--early-stopping-image", help="the same for early stopping")
    parser.add_argument("--only", help="these algorithms, separated by commas; default: all")
    options = parser.parse_args()

    entries = yaml.safe_load(ENTRIES.read_text())
    known = entries["algorithms"] + entries["earlyStoppingAlgorithms"]
    algorithms = options.only.split(",") if options.only else known
    early_stopping_image = options.early_stopping_image
    if early_stopping_image is None and options.image is None:
        early_stopping_image = entries["earlyStoppingImage"]
    try:
        if unknown := [name for name in algorithms if name not in known]:
            raise SwitchError(f"not an algorithm of our image: {', '.join(unknown)}")
        source = sys.stdin if options.config == "-" else open(options.config, encoding="utf-8")
        with source:
            config = yaml.safe_load(source)
        result = switch(
            config, entries, options.image or entries["image"], algorithms,
            early_stopping_image or "",
        )
    except (OSError, yaml.YAMLError, SwitchError) as error:
        print(f"switch-images.py: {error}", file=sys.stderr)
        return 1
    yaml.dump(result, sys.stdout, Dumper=IndentedDumper, sort_keys=False, width=100)
    return 0


if __name__ == "__main__":
    sys.exit(main())
