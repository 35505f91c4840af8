#!/usr/bin/env bash
# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
#
# Runs the interop tests against the real binary. Arguments go to pytest: `run.sh test_grid.py -k log`.
# `run.sh --print-python` only makes the environment and names its interpreter.
# KATIB_SUGGESTION_BINARY names the server (default: .build/release/katib-suggestion).
# The last line is pytest's summary.
set -euo pipefail
cd "$(dirname "$0")"

venv="${XDG_CACHE_HOME:-$HOME/.cache}/katib-suggestion/venv"
wanted=$(sha256sum requirements.txt | cut -d' ' -f1)
if [ "$(cat "$venv/requirements.sha256" 2>/dev/null)" != "$wanted" ]; then
  echo "making the Python environment in $venv" >&2
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement requirements.txt
  echo "$wanted" >"$venv/requirements.sha256"
fi

if [ "${1:-}" = --print-python ]; then
  echo "$venv/bin/python"
  exit
fi

"$venv/bin/ruff" check --no-cache --quiet .
"$venv/bin/ruff" format --no-cache --quiet --check .
"$venv/bin/flake8" .
export GRPC_VERBOSITY="${GRPC_VERBOSITY:-ERROR}"
exec "$venv/bin/python" -m pytest "$@"
