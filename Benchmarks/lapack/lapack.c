// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

// Times the dense routines that the Gaussian process needs, against whichever BLAS and LAPACK this
// file is linked with. "lapack start" does one tiny factorisation and exits, so that a script can
// time a process from start to end. scripts/bench-lapack.sh builds and runs it.

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#ifndef WITHOUT_LAPACK
void dpotrf_(const char *, const int *, double *, const int *, int *);
void dpotri_(const char *, const int *, double *, const int *, int *);
void dpotrs_(const char *, const int *, const int *, const double *, const int *, double *,
             const int *, int *);
void dtrsm_(const char *, const char *, const char *, const char *, const int *, const int *,
            const double *, const double *, const int *, double *, const int *);
void dgemm_(const char *, const char *, const int *, const int *, const int *, const double *,
            const double *, const int *, const double *, const int *, const double *, double *,
            const int *);
void dsyev_(const char *, const char *, const int *, double *, const int *, double *, double *,
            const int *, int *);

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

// A Matern-like covariance matrix on a line: positive definite, dense.
static void covariance(double *a, int n) {
  for (int j = 0; j < n; j++)
    for (int i = 0; i < n; i++) {
      double r = fabs((double)(i - j)) / n * 5;
      a[i + (size_t)j * n] = (1 + r) * exp(-r) + (i == j ? 0.01 : 0);
    }
}

static int info;

static void run(int routine, int n, double *a, double *b, double *c, double *w) {
  const double one = 1, zero = 0;
  const int lwork = 64 * n;
  switch (routine) {
  case 0: dpotrf_("L", &n, a, &n, &info); break;
  case 1: dpotri_("L", &n, a, &n, &info); break;
  case 2: { int k = 1; dpotrs_("L", &n, &k, a, &n, b, &n, &info); break; }
  case 3: dtrsm_("L", "L", "N", "N", &n, &n, &one, a, &n, b, &n); break;
  case 4: dgemm_("N", "T", &n, &n, &n, &one, a, &n, b, &n, &zero, c, &n); break;
  case 5: dsyev_("V", "L", &n, a, &n, w, c, &lwork, &info); break;
  }
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "start") == 0) {
    double a[16];
    int n = 4;
    covariance(a, n);
    dpotrf_("L", &n, a, &n, &info);
    return info;
  }
  static const char *names[] = {"dpotrf", "dpotri", "dpotrs", "dtrsm", "dgemm", "dsyev"};
  static const int sizes[] = {20, 64, 128, 256, 512};
  printf("%-8s", "us");
  for (int s = 0; s < 5; s++) printf(" %10d", sizes[s]);
  printf("\n");
  const size_t most = 512 * 512;
  double *k = malloc(8 * most), *l = malloc(8 * most), *a = malloc(8 * most), *b = malloc(8 * most);
  double *c = malloc(8 * most), *w = malloc(8 * 512);
  for (int routine = 0; routine < 6; routine++) {
    printf("%-8s", names[routine]);
    for (int s = 0; s < 5; s++) {
      int n = sizes[s];
      covariance(k, n);
      memcpy(l, k, 8 * (size_t)n * n);
      dpotrf_("L", &n, l, &n, &info);
      // The routines of one factor start from it; the others start from the matrix.
      const double *input = routine >= 1 && routine <= 3 ? l : k;
      double best = 1e9, end = now() + 0.4;
      for (int round = 0; round < 3 || now() < end; round++) {
        memcpy(a, input, 8 * (size_t)n * n);
        memcpy(b, k, 8 * (size_t)n * n);
        double t = now();
        run(routine, n, a, b, c, w);
        t = now() - t;
        if (t < best) best = t;
      }
      if (info != 0) return 1;
      printf(" %10.1f", best * 1e6);
    }
    printf("\n");
  }
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("peak resident memory after all: %ld KiB\n", usage.ru_maxrss);
  return 0;
}
#else
int main(void) { return 0; }
#endif
