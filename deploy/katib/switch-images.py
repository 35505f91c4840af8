#!/usr/bin/env python3
# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Rewrites a katib-config so that our algorithms run from our images.

Reads a KatibConfig (the value of the key katib-config.yaml in Katib's ConfigMap katib-config) and
writes it with the suggestion and early-stopping entries of entries.yaml in place of those it had.
Everything else stays: other algorithms, metrics collectors, the controller's own settings, and of a
replaced entry what belongs to the installation and not to the image (volumes, service account,
environment, the pod's security context, and whatever else nobody here knows). An algorithm that the
config does not know yet is added. Comments are lost: YAML is read and written.

With --image alone the early-stopping entries stay as they are, and with --early-stopping-image
alone the suggestion entries: --only cannot name them then. Without both, the images are those that
entries.yaml names.

    kubectl -n kubeflow get configmap katib-config -o 'jsonpath={.data.katib-config\\.yaml}' \\
      > before.yaml
    deploy/katib/switch-images.py --image registry.example.com/katib-suggestion:0.1.0 \\
      --early-stopping-image registry.example.com/katib-early-stopping:0.1.0 \\
      --output after.yaml before.yaml

The file that --output names is written as a whole or, when anything is wrong, not at all. Needs
PyYAML, and Katib v0.16 or later: before, the settings had another form.
"""

import argparse
import copy
import os
import pathlib
import sys
import tempfile

try:
    import yaml
except ImportError:
    sys.exit("switch-images.py: needs PyYAML: apt-get install python3-yaml, or pip install PyYAML")

ENTRIES = pathlib.Path(__file__).with_name("entries.yaml")

# Fields of an entry that say how the image it had is run. They go with it; every other one that our
# container does not set says where the pod runs and what it gets there, and stays.
OF_THE_OLD_IMAGE = (
    "args",
    "command",
    "workingDir",
    "ports",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
)


class SwitchError(Exception):
    """What is wrong with an input, for the person who passed it."""


class IndentedDumper(yaml.SafeDumper):
    """Writes lists indented below their key, as Katib's own files do, and no anchors."""

    def increase_indent(self, flow=False, indentless=False):
        return super().increase_indent(flow, False)

    def ignore_aliases(self, data):
        return True


def entry_for(algorithm: str, image: str, container: dict, extras: dict, old: dict) -> dict:
    """The new entry of one algorithm, keeping what belongs to the installation."""
    ours = {"algorithmName": algorithm, "image": image, **copy.deepcopy(container)}
    kept = {
        field: value
        for field, value in old.items()
        if field not in ours and field not in OF_THE_OLD_IMAGE
    }
    return {**ours, **copy.deepcopy(extras), **kept}


def entries_of(runtime: dict, field: str) -> list[dict]:
    """The entries of a list in the config; an empty field is an empty list, as it is to Katib."""
    known = runtime.get(field)
    if known is None:
        known = runtime[field] = []
    if not isinstance(known, list):
        raise SwitchError(f"runtime.{field} is no list")
    for i, entry in enumerate(known):
        if not isinstance(entry, dict) or not isinstance(entry.get("algorithmName"), str):
            raise SwitchError(f"runtime.{field}[{i}] is no entry with an algorithmName")
    return known


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
    """A copy of `config` with the entries of `algorithms` replaced or added; those of early
    stopping only with an image for them."""
    if config is None:
        raise SwitchError(
            "there is nothing in the katib-config: has the ConfigMap a key katib-config.yaml? "
            "Katib before v0.16 has none"
        )
    if not isinstance(config, dict) or config.get("kind") != "KatibConfig":
        raise SwitchError("this is no KatibConfig: its kind is missing or another")
    switched = copy.deepcopy(config)
    if switched.get("runtime") is None:
        switched["runtime"] = {}
    runtime = switched["runtime"]
    if not isinstance(runtime, dict):
        raise SwitchError("runtime is no mapping")
    for algorithm in algorithms:
        if algorithm in entries["earlyStoppingAlgorithms"]:
            if not early_stopping_image:
                continue
            field, of_ours = "earlyStoppings", (
                early_stopping_image, entries["earlyStoppingContainer"], {}
            )
        else:
            field, of_ours = "suggestions", (
                image, entries["container"], entries.get("extras", {}).get(algorithm, {})
            )
        known = entries_of(runtime, field)
        # Katib reads the last entry of a name.
        old = next((e for e in reversed(known) if e["algorithmName"] == algorithm), {})
        replace(known, entry_for(algorithm, *of_ours, old))
    return switched


def chosen(only: str | None, entries: dict, image: str | None, stopping_image: str | None) -> list:
    """The algorithms to switch: of those that an image is named for, or all when none is named."""
    suggestions, stoppings = entries["algorithms"], entries["earlyStoppingAlgorithms"]
    kinds = (
        (suggestions, image, "--image", "the suggestion image", "algorithm that suggests"),
        (stoppings, stopping_image, "--early-stopping-image", "another image", "such algorithm"),
    )
    names_all = image is None and stopping_image is None
    if only is None:
        return [name for kind, named, *_ in kinds if named or names_all for name in kind]
    names = [name.strip() for name in only.split(",")]
    if unknown := [name for name in names if name not in suggestions + stoppings]:
        raise SwitchError(f"not an algorithm of our images: {', '.join(unknown) or 'nothing'}")
    # What would change nothing is a mistake.
    for kind, named, option, source, _ in kinds:
        if (meant := [name for name in names if name in kind]) and not named and not names_all:
            raise SwitchError(f"{', '.join(meant)} runs from {source}: name it with {option}")
    for kind, named, option, _, what in kinds:
        if named and not any(name in kind for name in names):
            raise SwitchError(f"{option} is given, but --only names no {what}")
    return names


def write(text: str, output: str | None):
    """Writes to a file, which is never seen half written, or to standard output."""
    if output is None:
        sys.stdout.write(text)
        return
    target = os.path.realpath(output)
    descriptor, unfinished = tempfile.mkstemp(
        dir=os.path.dirname(target), prefix=f".{os.path.basename(target)}."
    )
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(unfinished, 0o666 & ~mask)
        os.replace(unfinished, target)
    except BaseException:
        os.unlink(unfinished)
        raise


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="the katib-config to rewrite, or - for standard input")
    parser.add_argument("--image", help="our image of the algorithms that suggest")
    parser.add_argument("--early-stopping-image", help="our image for early stopping")
    parser.add_argument("--only", help="these algorithms, separated by commas; default: all")
    parser.add_argument("--output", metavar="FILE", help="write there; default: standard output")
    options = parser.parse_args()

    entries = yaml.safe_load(ENTRIES.read_text())
    try:
        algorithms = chosen(options.only, entries, options.image, options.early_stopping_image)
        is_file = options.config != "-"
        with open(options.config if is_file else 0, encoding="utf-8", closefd=is_file) as source:
            config = yaml.safe_load(source)
        result = switch(
            config, entries, options.image or entries["image"], algorithms,
            options.early_stopping_image or entries["earlyStoppingImage"],
        )
        text = yaml.dump(result, Dumper=IndentedDumper, sort_keys=False, width=100)
        write(text, options.output)
    except (OSError, UnicodeError, yaml.YAMLError, SwitchError) as error:
        print(f"switch-images.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
