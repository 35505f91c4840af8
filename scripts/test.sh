#!/usr/bin/env bash
# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
#
# Installs what the tests need, builds everything once and runs every check: format, lint, freshness of
# generated files, unit and conformance tests, interoperability tests.
# The last line is the summary of the last test runner.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

step "Packages"
scripts/install-packages.sh build generate python lint

step "Format"
swift format lint --recursive --parallel --strict Sources Tests Package.swift

step "Scripts"
python=$(Tests/Interop/run.sh --print-python)
# Of a checkout that is a git repository or not.
find . -path './.*' ! -path './.ci*' -prune -o \( -name '*.sh' -o -path ./.ci/run \) -print0 |
  xargs -0 shellcheck
"$(dirname "$python")/ruff" check --no-cache --quiet scripts Benchmarks deploy

step "Generated code"
scripts/generate-protos.sh --check
PYTHON=$python deploy/katib/generate.sh --check
"$python" scripts/generate-sobol-table.py --check

step "Dependencies"
scripts/check-imports.py

step "Build"
# One configuration for tests and server alike.
swift build -c release -Xswiftc -enable-testing --build-tests

step "Documentation"
scripts/generate-docs.sh --check

# In three runs: tests that compute for seconds hold all threads of a small machine, others wait for
# sockets, and those of early stopping look at what happens just before a deadline.
computing='^(NumericsTests|ExperimentModelTests|KatibAPITests|AlgorithmsTests)\.'
deadlines='^(EarlyStoppingServicesTests|KubernetesAPITests)\.'
# A filter that fits no test is no failure to swift test.
run_tests() {
  local output
  output=$(mktemp --tmpdir katib-tests.XXXXXX)
  swift test -c release -Xswiftc -enable-testing --skip-build "$@" 2>&1 | tee "$output"
  if ! grep -qE 'Test run with [1-9][0-9]* tests?( |$)' "$output"; then
    echo "test.sh: no test was run: swift test $*" >&2
    rm "$output"
    return 1
  fi
  rm "$output"
}

step "Unit and conformance tests: what computes"
run_tests --filter "$computing"

step "Unit tests: what waits for sockets"
run_tests --skip "$computing|$deadlines"

step "Unit tests: what waits for deadlines"
run_tests --filter "$deadlines"

step "Manifests"
if command -v kubectl kustomize >/dev/null; then
  scripts/check-deploy.sh
else
  echo "passed over: there is neither kubectl nor kustomize"
fi

step "Interoperability tests"
Tests/Interop/run.sh
