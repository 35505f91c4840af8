// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import GRPC
internal import Synchronization

/// Joins handlers, which run on a worker thread of their own, with work that waits for others.
enum BlockingTask {
  /// How often a waiting handler looks whether its caller is gone.
  private static let cancellationCheck = DispatchTimeInterval.milliseconds(50)

  private final class Outcome<Value: Sendable>: Sendable {
    let result = Mutex<Result<Value, any Error>?>(nil)
    let isThere = DispatchSemaphore(value: 0)
  }

  /// Runs `body` and waits for it. When the call that `context` belongs to ends early, the task is
  /// cancelled.
  static func run<Value: Sendable>(
    _ context: CallContext, _ body: @escaping @Sendable () async throws -> Value
  ) throws -> Value {
    let outcome = Outcome<Value>()
    let task = Task {
      let result: Result<Value, any Error>
      do {
        result = .success(try await body())
      } catch {
        result = .failure(error)
      }
      outcome.result.withLock { $0 = result }
      outcome.isThere.signal()
    }
    while outcome.isThere.wait(timeout: .now() + cancellationCheck) == .timedOut {
      if context.isCancelled { task.cancel() }
    }
    try context.checkCancellation()
    guard let result = outcome.result.withLock({ $0 }) else {
      throw Status(.internalError, "a task ended without a result")
    }
    return try result.get()
  }
}
