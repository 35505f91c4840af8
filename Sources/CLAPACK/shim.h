// The BLAS and LAPACK routines that Numerics calls, declared as Fortran exports them: every argument
// by pointer, matrices column-major, trailing underscore, 32-bit integers. Debian's LAPACK packages
// ship no C header for these names.
#pragma once

// Cholesky factorisation: https://netlib.org/lapack/explore-html/ (dpotrf)
void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info);
