#!/usr/bin/env bash
# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
#
# Installs the Debian packages of the named groups, those only that are missing.
#
#   scripts/install-packages.sh [--list] GROUP...
#
#   build     the C libraries that the servers link, with their static archives
#   generate  the compilers behind scripts/generate-protos.sh
#   python    virtual environments for the tests and checks written in Python; certificates
#   bench     h2load and nghttpd
#   image     the tools of scripts/check-image.sh
#   lint      shellcheck
#
#   --list    print the packages of the groups and install nothing
#
# With nothing missing it needs neither root nor a network.
set -euo pipefail

usage() { sed -n '5,19s/^# \{0,1\}//p' "$0"; }

packages_of() {
  case $1 in
    build) echo libnghttp2-dev libprotobuf-c-dev zlib1g-dev libopenblas-serial-dev libyaml-dev ;;
    generate) echo protobuf-compiler protobuf-c-compiler libprotobuf-c-dev ;;
    python) echo python3 python3-venv openssl ;;
    bench) echo nghttp2-client nghttp2-server ;;
    image) echo buildah runc debootstrap binutils python3-venv ;;
    lint) echo shellcheck ;;
    *)
      echo "install-packages.sh: no group is called '$1'; see --help" >&2
      return 2
      ;;
  esac
}

is_installed() {
  [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

list_only=false
packages=()
for argument in "$@"; do
  case $argument in
    --help | -h)
      usage
      exit 0
      ;;
    --list) list_only=true ;;
    *)
      names=$(packages_of "$argument")
      read -ra more <<<"$names"
      packages+=("${more[@]}")
      ;;
  esac
done

if [ ${#packages[@]} -eq 0 ]; then
  usage >&2
  exit 2
fi
if $list_only; then
  printf '%s\n' "${packages[@]}" | sort -u
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  is_installed "$package" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "installing ${missing[*]}" >&2
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "install-packages.sh: run this as root once: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
