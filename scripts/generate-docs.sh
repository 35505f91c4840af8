#!/usr/bin/env bash
# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
#
# Writes docs/algorithms.md from the registry of the built server.
#   scripts/generate-docs.sh            write
#   scripts/generate-docs.sh --check    fail when the committed file is stale
set -euo pipefail
cd "$(dirname "$0")/.."

binary=${KATIB_SUGGESTION_BINARY:-.build/release/katib-suggestion}
page=docs/algorithms.md

case "${1:-}" in
  "") "$binary" algorithms --markdown > "$page" ;;
  --check)
    if ! "$binary" algorithms --markdown | diff -u "$page" -; then
      echo "$page is stale: run scripts/generate-docs.sh and commit the result" >&2
      exit 1
    fi
    ;;
  *)
    sed -n '5,7s/^# //p' scripts/generate-docs.sh >&2
    exit 2
    ;;
esac
