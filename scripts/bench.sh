#!/usr/bin/env bash
# Measures the server beside its peers in one run and prints the ratios.
#   scripts/bench.sh [--rounds N] [--only start,load,decode,cost,early-stopping]
# Needs the release builds of scripts/run.sh --build-only and, for early-stopping, of
# scripts/run.sh --early-stopping --build-only (with testing enabled they are slower);
# installs what else it needs.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-packages.sh bench python
python=$(Tests/Interop/run.sh --print-python)
# The optimiser that Katib's optuna image imports, for a peer of the same weight.
"$python" -c 'import optuna' 2>/dev/null \
  || "$python" -m pip install --quiet --disable-pip-version-check optuna==5.0.0
exec "$python" Benchmarks/bench.py "$@"
