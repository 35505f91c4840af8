#!/usr/bin/env bash
# Measures the server beside its peers in one run and prints the ratios.
#   scripts/bench.sh [--rounds N] [--only start,load,decode,cost]
# Needs the release build (scripts/test.sh or scripts/run.sh make it); installs what else it needs.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-packages.sh bench python
python=$(Tests/Interop/run.sh --print-python)
exec "$python" Benchmarks/bench.py "$@"
