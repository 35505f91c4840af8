#!/usr/bin/env python3
# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Fails when a target imports a module that its row in Package.swift does not name.

The compiler would accept such an import as long as some other target brings the module along, and
the arrows of docs/ARCHITECTURE.md would bend unseen. (SwiftPM's own check refuses the module alias
that the histogram package needs.)
"""

import json
import pathlib
import re
import subprocess
import sys

# What comes with the toolchain.
TOOLCHAIN = {
    "Dispatch", "Foundation", "FoundationEssentials", "Glibc", "Synchronization", "Testing",
}
IMPORT = re.compile(
    r"^(?:@\w+ )*(?:(?:public|package|internal|fileprivate|private) )?import "
    r"(?:(?:struct|class|enum|protocol|func|var|let|typealias) )?(\w+)",
    re.M,
)


def main() -> int:
    root = pathlib.Path(__file__).resolve().parent.parent
    command = ["swift", "package", "dump-package"]
    dump = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    problems = []
    for target in json.loads(dump.stdout)["targets"]:
        named = set(TOOLCHAIN)
        for dependency in target["dependencies"]:
            for kind in ("byName", "product", "target"):
                if kind in dependency:
                    named.add(dependency[kind][0])
        parent = "Tests/" if target["type"] == "test" else "Sources/"
        folder = root / (target.get("path") or parent + target["name"])
        for file in sorted(folder.rglob("*.swift")):
            for module in IMPORT.findall(file.read_text()):
                if module not in named:
                    problems.append(
                        f"{file.relative_to(root)}: imports {module}, which target "
                        f"{target['name']} does not name"
                    )
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
