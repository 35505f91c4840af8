#!/usr/bin/env bash
# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
#
# Builds the server in release mode and runs it in this terminal, on port 6789 by default.
#
#   scripts/run.sh [--build-only] [ARGUMENT...]
#
#   --build-only  stop after the build
#   ARGUMENT...   handed to katib-suggestion as they are, such as --port 7000 or algorithms;
#                 .build/release/katib-suggestion --help lists them
#
# Installs the Debian packages that the build needs, only if they are missing.
set -euo pipefail
cd "$(dirname "$0")/.."

build_only=false
case ${1:-} in
  --build-only)
    build_only=true
    shift
    ;;
  --help | -h)
    sed -n '5,13s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac

scripts/install-packages.sh build
if ! command -v swift >/dev/null; then
  echo "run.sh: no swift on the PATH; a Swift 6.3 toolchain: https://www.swift.org/install" >&2
  exit 1
fi
swift build --configuration release --product katib-suggestion >&2
$build_only && exit 0
exec "$(swift build --configuration release --show-bin-path)/katib-suggestion" "$@"
