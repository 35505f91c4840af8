#!/usr/bin/env bash
# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
#
# Gathers the licence texts of everything that a static binary of this package contains: this
# package, its Swift dependencies, the Debian libraries, and the Swift runtime. For the Dockerfile,
# after the build.
#
#   scripts/collect-licenses.sh FOLDER
set -euo pipefail

case ${1:-} in
  "" | --help | -h)
    sed -n '5,9s/^# \{0,1\}//p' "$0"
    [ $# -gt 0 ] && exit 0
    exit 2
    ;;
esac
folder=$1
mkdir -p "$folder"

install -m 0444 LICENSE "$folder/katib-suggestion.txt"
install -m 0444 LICENSES/*.txt "$folder/"

shopt -s nullglob
for text in .build/checkouts/*/LICENSE* .build/checkouts/*/NOTICE*; do
  package=$(basename "$(dirname "$text")")
  install -m 0444 "$text" "$folder/$package.$(basename "$text" .txt).txt"
done

debian=(
  libc6-dev libgcc-12-dev libstdc++-12-dev
  libnghttp2-dev libopenblas-serial-dev libprotobuf-c-dev libyaml-dev zlib1g-dev
)
for package in "${debian[@]}"; do
  install -m 0444 "/usr/share/doc/$package/copyright" "$folder/$package.txt"
done

runtime=$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")/share/swift/LICENSE.txt
if [ -e "$runtime" ]; then
  install -m 0444 "$runtime" "$folder/swift.txt"
fi
chmod 0555 "$folder"
