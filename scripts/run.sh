#!/usr/bin/env bash
# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
#
# Builds a server in release mode and runs it in this terminal, on port 6789 by default.
#
#   scripts/run.sh [--early-stopping] [--build-only] [ARGUMENT...]
#
#   --early-stopping  katib-early-stopping, on port 6788, in place of katib-suggestion
#   --build-only      stop after the build
#   ARGUMENT...       handed to the server as they are, such as --port 7000 or algorithms;
#                     .build/release/katib-suggestion --help lists them
#
# Installs the Debian packages that the build needs, only if they are missing.
set -euo pipefail
cd "$(dirname "$0")/.."

build_only=false
product=katib-suggestion
while [ $# -gt 0 ]; do
  case $1 in
    --early-stopping) product=katib-early-stopping ;;
    --build-only) build_only=true ;;
    --help | -h)
      sed -n '5,14s/^# \{0,1\}//p' scripts/run.sh
      exit 0
      ;;
    *) break ;;
  esac
  shift
done

scripts/install-packages.sh build
if ! command -v swift >/dev/null; then
  echo "run.sh: no swift on the PATH; a Swift 6.3 toolchain: https://www.swift.org/install" >&2
  exit 1
fi
swift build --configuration release --product "$product" >&2
$build_only && exit 0
exec "$(swift build --configuration release --show-bin-path)/$product" "$@"
