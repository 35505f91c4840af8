#!/bin/sh
# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
#
# bench-lapack.sh [DIRECTORY]: OpenBLAS (serial) against the reference LAPACK, both linked fully
# static: time per routine, size of the stripped executable, time from start to exit, resident
# memory. The reference archives (Debian: liblapack-dev, libblas-dev, libgfortran-12-dev) are
# searched below DIRECTORY first, then in /usr. Figures: docs/lapack.md.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
triplet=$(gcc -print-multiarch)
roots="${1:-/usr} /usr"
find_archive() {
  for root in $roots; do
    for directory in "$root/lib" "$root/usr/lib"; do
      [ -d "$directory" ] || continue
      found=$(find "$directory" -path "*$1" | head -n 1)
      if [ -n "$found" ]; then echo "$found"; return; fi
    done
  done
  echo "bench-lapack.sh: $1 not found" >&2
  exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source="$here/Benchmarks/lapack/lapack.c"

gcc -O2 -static -DWITHOUT_LAPACK -o "$work/nothing" "$source" -lm
openblas=$(find_archive "/$triplet/openblas-serial/libopenblas.a")
gcc -O2 -static -o "$work/openblas" "$source" "$openblas" -lm
lapack=$(find_archive "/lapack/liblapack.a")
blas=$(find_archive "/blas/libblas.a")
fortran=$(find_archive "/libgfortran.a")
quadmath=$(find_archive "/libquadmath.a" 2>/dev/null || true)
# shellcheck disable=SC2086
gcc -O2 -static -o "$work/reference" "$source" "$lapack" "$blas" "$fortran" $quadmath -lm

cat > "$work/spawn.c" <<'C'
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
int main(int argc, char **argv) {
  double best = 1e9, sum = 0;
  const int rounds = 200;
  for (int i = 0; i < rounds; i++) {
    struct timespec a, b;
    pid_t pid;
    char *arguments[] = {argv[1], "start", NULL}, *environment[] = {NULL};
    clock_gettime(CLOCK_MONOTONIC, &a);
    if (posix_spawn(&pid, argv[1], NULL, NULL, arguments, environment)) return 1;
    waitpid(pid, NULL, 0);
    clock_gettime(CLOCK_MONOTONIC, &b);
    double t = (b.tv_sec - a.tv_sec) * 1e3 + (b.tv_nsec - a.tv_nsec) * 1e-6;
    sum += t;
    if (t < best) best = t;
  }
  struct rusage usage;
  getrusage(RUSAGE_CHILDREN, &usage);
  printf("start to exit: best %.2f ms, mean %.2f ms; peak resident memory %ld KiB\n", best,
         sum / rounds, usage.ru_maxrss);
}
C
gcc -O2 -o "$work/spawn" "$work/spawn.c"

for name in nothing reference openblas; do
  strip "$work/$name"
  echo "== $name: stripped $(stat -c %s "$work/$name") bytes"
  "$work/spawn" "$work/$name"
  [ "$name" = nothing ] || "$work/$name"
done
