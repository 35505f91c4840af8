#!/usr/bin/env python3
# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Reference values for Tests/AlgorithmsTests/BayesianOptimization, computed without any of our code.

Needs numpy, scipy, scikit-learn and mpmath; prints a Swift file:

    Tests/ReferenceValues/bayesian_optimization.py \
      > Tests/AlgorithmsTests/BayesianOptimization/ReferenceValues.swift

The categorical axis enters scikit-learn's Matern kernel as a one-hot code: two different categories
are sqrt(2) apart there, so the code is divided by sqrt(2).
"""
import math

import mpmath
import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.stats import multivariate_normal, norm, rankdata
from sklearn.gaussian_process.kernels import Matern


def swift(values):
    if isinstance(values, (list, tuple, np.ndarray)):
        return "[" + ", ".join(swift(v) for v in values) + "]"
    return repr(float(values))


def declare(name, kind, values, comment):
    print(f"  /// {comment}")
    if isinstance(values, (list, tuple, np.ndarray)):
        print(f"  static let {name}: {kind} = [")
        for v in values:
            print(f"    {swift(v)},")
        print("  ]")
    else:
        print(f"  static let {name}: {kind} = {swift(values)}")


def log_h(z):
    """ln(phi(z) + z Phi(z)) with 80 digits, by the complementary error function."""
    z = mpmath.mpf(z)
    # The difference cancels about 2 log10|z| digits beyond those of the two terms.
    phi = mpmath.exp(-z * z / 2) / mpmath.sqrt(2 * mpmath.pi)
    cdf = mpmath.erfc(-z / mpmath.sqrt(2)) / 2
    h = phi + z * cdf
    return float(mpmath.log(h)), float(cdf / h)


def half_rank(y):
    """Song et al. 2024 for minimisation, by ranks; not standardised."""
    y = np.asarray(y, float)
    median = np.median(y)
    good = y[y <= median]
    spread = np.sqrt(np.mean((median - good) ** 2))
    worse = np.unique(y[y > median])
    rank = rankdata(-worse, method="ordinal")          # 1 = the worst
    slots = len(worse) + (0.5 if median in y else 0.0)
    table = {v: median - spread * norm.ppf(0.5 * (r - 0.5) / slots) for v, r in zip(worse, rank)}
    return np.array([table.get(v, v) for v in y])


def main():
    mpmath.mp.dps = 80
    rng = np.random.default_rng(20240611)
    n, m, categories = 14, 5, 3
    positions = np.array([0.0, 0.1, 0.35, 0.8, 1.0])
    X = np.column_stack([rng.random(n), rng.integers(0, 5, n), rng.integers(0, categories, n)])
    T = np.column_stack([rng.random(m), rng.integers(0, 5, m), rng.integers(0, categories, m)])
    y = rng.normal(size=n)
    lengths, signal, noise = np.array([0.31, 0.7, 1.3]), 1.7, 0.013

    def embed(P):
        one_hot = np.eye(categories)[P[:, 2].astype(int)] / math.sqrt(2)
        return np.column_stack([P[:, 0], positions[P[:, 1].astype(int)], one_hot])

    kernel = Matern(length_scale=np.array([lengths[0], lengths[1]] + [lengths[2]] * categories), nu=2.5)
    K = signal * kernel(embed(X)) + noise * np.eye(n)
    Ks = signal * kernel(embed(X), embed(T))
    factor = cho_factor(K, lower=True)
    one = np.ones(n)
    mean = one @ cho_solve(factor, y) / (one @ cho_solve(factor, one))
    evidence = multivariate_normal(mean=mean * one, cov=K).logpdf(y)
    posterior_mean = mean + Ks.T @ cho_solve(factor, y - mean)
    posterior_variance = signal - np.sum(Ks * cho_solve(factor, Ks), axis=0)
    d = 3
    log_prior = 0.0
    for length in lengths:
        log_prior += norm.logpdf(math.log(length), math.sqrt(2) + 0.5 * math.log(d), math.sqrt(3)) - math.log(length)
    log_prior += norm.logpdf(math.log(signal), 0, 0.7)
    log_prior += norm.logpdf(math.log(noise), -4, 1) - math.log(noise)
    # Our prior leaves out what does not depend on the parameters.
    constants = d * norm.logpdf(0, 0, math.sqrt(3)) + norm.logpdf(0, 0, 0.7) + norm.logpdf(0, -4 + 4, 1)

    print("// Copyright 2026 The katib-suggestion authors")
    print("// SPDX-License-Identifier: Apache-2.0")
    print()
    print("// Made by Tests/ReferenceValues/bayesian_optimization.py; do not edit.")
    print("// swift-format-ignore-file")
    print()
    print("enum ReferenceValues {")
    declare("gridPositions", "[Double]", positions, "The coordinates of axis 1; axis 0 is continuous, axis 2 has three categories.")
    declare("points", "[[Double]]", X, "One number per axis.")
    declare("values", "[Double]", y, "One per point.")
    declare("targets", "[[Double]]", T, "Where the posterior is asked.")
    declare("lengthScales", "[Double]", lengths, "Hyperparameters.")
    declare("signalVariance", "Double", signal, "s squared.")
    declare("noiseVariance", "Double", noise, "sigma squared.")
    declare("firstCovariances", "[Double]", K[:, 0], "The first column of K, noise included (scikit-learn's Matern).")
    declare("mean", "Double", mean, "The generalised least squares mean.")
    declare("logEvidence", "Double", evidence, "ln p(y), by scipy.stats.multivariate_normal.")
    declare("logPrior", "Double", log_prior - constants, "ln p(hyperparameters) without its constants.")
    declare("posteriorMeans", "[Double]", posterior_mean, "At the targets.")
    declare("posteriorVariances", "[Double]", posterior_variance, "At the targets, of the function without noise.")
    zs = [8, 3, 1, 0.1, 0, -0.5, -0.99, -1, -1.01, -2, -5, -10, -24.9, -25.1, -40, -100, -1e3, -1e4, -1e5, -1e6]
    declare("logImprovement", "[[Double]]", [[z, *log_h(z)] for z in zs], "z, ln(phi + z Phi) and its derivative, with 80 digits (mpmath).")
    odd = [3.0, -1.0, 0.5, 7.0, 2.0, 2.0, 100.0, 0.25, 9.0]
    even = [4.0, 1.0, 3.0, 2.0, 4.0, 8.0, 8.0, -6.0]
    declare("warpInputs", "[[Double]]", [odd, even], "An odd number of values with a tie, an even number with the median absent.")
    declare("warpOutputs", "[[Double]]", [half_rank(odd), half_rank(even)], "The same after the half-rank warp.")
    print("}")


main()
