// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// The one door to BLAS and LAPACK.
///
/// Debian's serial OpenBLAS is not safe to call from several threads at once: their work buffers
/// mix, and results differ from call to call. So calls take turns. They last microseconds to
/// milliseconds, and a pod has half a core: nothing is lost.
enum BLAS {
  private static let turn = Mutex(())

  static func alone<Result>(_ call: () -> Result) -> Result {
    turn.withLock { _ in call() }
  }
}
