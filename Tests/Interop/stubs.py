# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""The Python classes of proto/api.proto, generated when first needed and never committed.

They are kept in a cache folder named by the hash of the proto file, so a changed contract can never
be tested with old classes. Import the messages as `pb` and the client classes as `rpc` from here.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[2]
PROTO = ROOT / "proto" / "api.proto"


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    digest = hashlib.sha256(PROTO.read_bytes() + protoc.__file__.encode()).hexdigest()[:16]
    return Path(home) / "katib-suggestion" / f"stubs-{digest}"


def _generate(folder: Path) -> None:
    """Generate beside the target and rename, so that a killed run leaves no half-written module."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        code = protoc.main(
            [
                "protoc",
                f"-I{PROTO.parent}",
                f"--python_out={scratch}",
                f"--grpc_python_out={scratch}",
                str(PROTO),
            ]
        )
        if code != 0:
            raise RuntimeError(f"protoc failed on {PROTO}")
        folder.mkdir(exist_ok=True)
        for module in Path(scratch).iterdir():
            os.replace(module, folder / module.name)


def _load() -> tuple[Any, Any]:
    folder = _cache()
    if not (folder / "api_pb2_grpc.py").exists() or not (folder / "api_pb2.py").exists():
        _generate(folder)
    sys.path.insert(0, str(folder))
    return importlib.import_module("api_pb2"), importlib.import_module("api_pb2_grpc")


pb, rpc = _load()
