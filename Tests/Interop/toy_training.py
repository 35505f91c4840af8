# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""A real, small training that keeps a checkpoint in a folder.

A network of one hidden layer learns a curve from noisy samples by stochastic gradient descent with
momentum, weight decay and clipped gradients. A high rate learns fast and then dances around the
optimum, a low one arrives nowhere in time: what wins is a rate that falls on the way, which no
fixed setting has.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

HIDDEN, BATCH, NOISE = 24, 8, 0.3


class Task:
    """A curve to learn, with its samples; the seed draws both."""

    def __init__(self, seed: int) -> None:
        source = np.random.default_rng(seed)
        phase = source.uniform(0, 2 * np.pi, 2)

        def curve(x: np.ndarray) -> np.ndarray:
            return np.sin(3 * x[:, 0] + phase[0]) + 0.5 * np.cos(5 * x[:, 1] + phase[1])

        self.seed = seed
        self.x = source.uniform(-1, 1, (512, 2))
        self.y = curve(self.x) + NOISE * source.standard_normal(512)
        self.test_x = source.uniform(-1, 1, (512, 2))
        self.test_y = curve(self.test_x)

    def weights(self) -> list[np.ndarray]:
        source = np.random.default_rng(self.seed + 1)
        return [
            source.normal(0, 1.5, (2, HIDDEN)),
            source.normal(0, 1.0, HIDDEN),
            source.normal(0, 0.1, HIDDEN),
            np.zeros(1),
        ]

    def loss(self, weights: list[np.ndarray]) -> float:
        w, b, v, c = weights
        return float(np.mean((np.tanh(self.test_x @ w + b) @ v + c - self.test_y) ** 2))

    def train(self, folder: Path, setting: Mapping[str, float], steps: int) -> float:
        """Goes on from the checkpoint in the folder, if there is one, and leaves its own there."""
        rate, momentum = setting["rate"], setting["momentum"]
        weights, speeds, done = self.load(folder)
        source = np.random.default_rng((self.seed, done))
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(steps):
                rows = source.integers(0, len(self.x), BATCH)
                slopes = self._slopes(weights, rows)
                norm = np.sqrt(sum(float(np.sum(slope**2)) for slope in slopes))
                factor = min(1.0, setting["clip"] / norm) if norm > 0 else 1.0
                for weight, speed, slope in zip(weights, speeds, slopes, strict=True):
                    speed *= momentum
                    speed -= rate * (factor * slope + setting["decay"] * weight)
                    weight += speed
            loss = self.loss(weights)
        self.save(folder, weights, speeds, done + steps)
        return loss

    def _slopes(self, weights: list[np.ndarray], rows: np.ndarray) -> list[np.ndarray]:
        w, b, v, c = weights
        x = self.x[rows]
        hidden = np.tanh(x @ w + b)
        error = 2 * (hidden @ v + c - self.y[rows]) / BATCH
        inner = np.outer(error, v) * (1 - hidden**2)
        return [x.T @ inner, inner.sum(0), hidden.T @ error, error.sum(keepdims=True)]

    def load(self, folder: Path) -> tuple[list[np.ndarray], list[np.ndarray], int]:
        if not (folder / "step").exists():
            weights = self.weights()
            return weights, [np.zeros_like(weight) for weight in weights], 0
        done = int((folder / "step").read_text())
        kept = folder / "parameters"
        weights = [np.load(kept / f"weight-{number}.npy") for number in range(4)]
        speeds = [np.load(kept / f"speed-{number}.npy") for number in range(4)]
        return weights, speeds, done

    @staticmethod
    def save(folder: Path, weights: list[np.ndarray], speeds: list[np.ndarray], done: int) -> None:
        kept = folder / "parameters"
        kept.mkdir(exist_ok=True)
        for number, (weight, speed) in enumerate(zip(weights, speeds, strict=True)):
            np.save(kept / f"weight-{number}.npy", weight)
            np.save(kept / f"speed-{number}.npy", speed)
        (folder / "step").write_text(str(done))
