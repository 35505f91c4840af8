#!/usr/bin/env bash
# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
#
# Measures the server beside its peers in one run and prints the ratios.
#
#   scripts/bench.sh [--rounds N] [--only start,load,decode,cost,early-stopping]
#
# Needs the release builds of scripts/run.sh --build-only, of katib-load, and, for early-stopping, of
# scripts/run.sh --early-stopping --build-only (with testing enabled they are slower); installs what
# else it needs.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-packages.sh bench python
venv="${XDG_CACHE_HOME:-$HOME/.cache}/katib-suggestion/bench-venv"
wanted=$(sha256sum Benchmarks/requirements.txt | cut -d' ' -f1)
if [ "$(cat "$venv/requirements.sha256" 2>/dev/null)" != "$wanted" ]; then
  echo "making the Python environment in $venv" >&2
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check \
    --requirement Benchmarks/requirements.txt
  echo "$wanted" >"$venv/requirements.sha256"
fi
exec "$venv/bin/python" Benchmarks/bench.py "$@"
