# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""The interop tests' DB manager as a process of its own: trial-0 to trial-1000, logs of 100 lines.

Prints its address on standard output and serves until it is ended.
"""

import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "Tests/Interop"))

from db_manager import DBManager

with DBManager() as manager:
    for index in range(1001):
        manager.report(f"trial-{index}", [index + step for step in range(100)])
    for name in list(manager.logs):
        manager.prepare(name, "loss")
    print(manager.address, flush=True)
    threading.Event().wait()
