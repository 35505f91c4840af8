// The BLAS and LAPACK routines that Numerics calls, declared as Fortran exports them: every argument
// by pointer, matrices column-major, trailing underscore, 32-bit integers. Debian's LAPACK packages
// ship no C header for these names. Each routine's page: https://netlib.org/lapack/explore-html/
// Fortran also passes the length of every character argument behind the last one; these routines
// look at the first character alone, so the lengths are left out.
#pragma once

// Cholesky factorisation; info > 0: the leading minor of that order is not positive definite.
void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info);

// Inverse from the Cholesky factor, written into the same triangle.
void dpotri_(const char *uplo, const int *n, double *a, const int *lda, int *info);

// Solution of A X = B from the Cholesky factor.
void dpotrs_(const char *uplo, const int *n, const int *nrhs, const double *a, const int *lda,
             double *b, const int *ldb, int *info);

// Triangular solve with many right-hand sides: B := alpha op(A)^-1 B or alpha B op(A)^-1.
void dtrsm_(const char *side, const char *uplo, const char *transa, const char *diag, const int *m,
            const int *n, const double *alpha, const double *a, const int *lda, double *b,
            const int *ldb);

// Triangular solve with one right-hand side.
void dtrsv_(const char *uplo, const char *trans, const char *diag, const int *n, const double *a,
            const int *lda, double *x, const int *incx);

// C := alpha op(A) op(B) + beta C.
void dgemm_(const char *transa, const char *transb, const int *m, const int *n, const int *k,
            const double *alpha, const double *a, const int *lda, const double *b, const int *ldb,
            const double *beta, double *c, const int *ldc);

// y := alpha op(A) x + beta y.
void dgemv_(const char *trans, const int *m, const int *n, const double *alpha, const double *a,
            const int *lda, const double *x, const int *incx, const double *beta, double *y,
            const int *incy);

// Eigenvalues, ascending, and eigenvectors of a symmetric matrix.
void dsyev_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w,
            double *work, const int *lwork, int *info);
