// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Collects the lines of a log, from any thread.
public final class LineLog: Sendable {
  private let lines = Mutex<[String]>([])

  public init() {}

  public var all: [String] { lines.withLock { $0 } }

  public func append(_ line: String) { lines.withLock { $0.append(line) } }
}
