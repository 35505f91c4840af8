#!/usr/bin/env bash
# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
#
# Checks everything under deploy/ without a cluster and without Katib's repository: renders it with
# kubectl or kustomize, validates it against Kubernetes' schemas, and asserts what the manifests
# promise (Pod Security "restricted", resources, probes, one entry per algorithm of the binary).
#
#   scripts/check-deploy.sh [--keep FOLDER]
#
#   --keep FOLDER  leave the rendered manifests there
#
# KATIB_SUGGESTION_BINARY names the server whose algorithms the entries must match; default: the
# release build, or no such comparison when there is none.
set -euo pipefail

usage() { sed -n '5,14s/^# \{0,1\}//p' "$0"; }
step() { printf '\n== %s\n' "$*"; }

keep=
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h)
      usage
      exit 0
      ;;
    --keep)
      keep=${2:?--keep needs a folder}
      shift
      ;;
    *)
      usage >&2
      exit 2
      ;;
  esac
  shift
done

cd "$(dirname "$0")/.."
work=$(mktemp -d --tmpdir katib-deploy.XXXXXX)
trap 'rm -rf "$work"' EXIT
rendered=$work/rendered
mkdir "$rendered"

# The first Kubernetes whose gRPC probes are stable, and the newest that the schemas know.
oldest_kubernetes=1.27
katib_repository=https://github.com/kubeflow/katib

render() {
  if command -v kustomize >/dev/null; then
    kustomize build "$1"
  elif command -v kubectl >/dev/null; then
    kubectl kustomize "$1"
  else
    echo "check-deploy.sh: needs kubectl 1.22 or later, or kustomize 4 or later" >&2
    return 1
  fi
}

# deploy/katib names a remote base. A repository of our own takes its place: deploy/base-for-tests
# at the same path and tag, and git is told to look there.
render_over_base_for_tests() {
  local base=$work/katib url path tag
  url=$(sed -n "s|^  - \($katib_repository//.*\)|\1|p" deploy/katib/kustomization.yaml)
  path=${url#"$katib_repository//"}
  tag=${path#*ref=}
  path=${path%%\?*}
  mkdir -p "$base/$path"
  cp deploy/base-for-tests/* "$base/$path/"
  (
    cd "$base"
    git init --quiet --initial-branch main
    git add .
    git -c user.name=check -c user.email=check@localhost commit --quiet --message base
    git tag "$tag"
  )
  GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="url.$base.insteadOf" GIT_CONFIG_VALUE_0=$katib_repository \
    render deploy/katib
}

step "Tools"
scripts/install-packages.sh python
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
  kubernetes-validate==1.37.0 PyYAML==6.0.3
kustomize version 2>/dev/null || kubectl version --client 2>/dev/null || true
"$work/venv/bin/kubernetes-validate" --version

step "Generated katib-config"
PYTHON=$work/venv/bin/python deploy/katib/generate.sh --check
echo "fresh"

step "Render"
render_over_base_for_tests >"$rendered/katib.yaml"
render deploy/standalone >"$rendered/standalone.yaml"
render deploy/early-stopping-role >"$rendered/early-stopping-role.yaml"
wc -l "$rendered"/*.yaml
if [ -n "$keep" ]; then
  mkdir -p "$keep"
  cp -r "$rendered/." "$keep/"
fi

step "Schemas"
"$work/venv/bin/kubernetes-validate" --strict --kubernetes-version "$oldest_kubernetes" \
  "$rendered"/*.yaml
"$work/venv/bin/kubernetes-validate" --strict "$rendered"/*.yaml

step "Promises"
binary=${KATIB_SUGGESTION_BINARY:-.build/release/katib-suggestion}
algorithms=()
if [ -x "$binary" ]; then
  "$binary" algorithms --json >"$work/algorithms.json"
  algorithms=(--algorithms "$work/algorithms.json")
else
  echo "no binary at $binary: entries are not compared with its algorithms"
fi
"$work/venv/bin/python" scripts/check-manifests.py "$rendered" "${algorithms[@]}"
