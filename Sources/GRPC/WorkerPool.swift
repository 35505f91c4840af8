// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import NIOPosix
internal import Synchronization

/// Runs the handlers that take long.
protocol CallExecutor: Sendable {
  /// - Parameter isShort: the job must not stand behind long ones.
  /// - Returns: false if the queue is full; the job is then dropped.
  func submit(isShort: Bool, _ job: @escaping @Sendable () -> Void) -> Bool
}

/// A few threads behind a bounded queue. A call that would have to wait behind a full queue is
/// better refused at once: its client can go to another replica while its deadline is still far.
///
/// Short work has one thread and a queue of its own, so that it is done while all others compute.
final class WorkerPool: CallExecutor {
  /// Short jobs that may wait: each takes milliseconds, and their callers seconds to come again.
  private static let shortQueue = 16

  private let common: BoundedThreads
  /// Made when it is first needed: most servers never do.
  private let short = Mutex<BoundedThreads?>(nil)

  /// - Parameters:
  ///   - workers: the number of threads.
  ///   - queueDepth: jobs that may wait besides those that run.
  init(workers: Int, queueDepth: Int) {
    common = BoundedThreads(threads: workers, queueDepth: queueDepth)
  }

  func submit(isShort: Bool, _ job: @escaping @Sendable () -> Void) -> Bool {
    guard isShort else { return common.submit(job) }
    let threads = short.withLock { short in
      let threads = short ?? BoundedThreads(threads: 1, queueDepth: WorkerPool.shortQueue)
      short = threads
      return threads
    }
    return threads.submit(job)
  }

  /// Ends the threads after the jobs that run, then calls `done`; jobs that wait are dropped.
  func shutdown(_ done: @escaping @Sendable () -> Void) {
    let short = short.withLock { $0 }
    common.shutdown { if let short { short.shutdown(done) } else { done() } }
  }
}

/// Threads behind a bounded queue.
private final class BoundedThreads: Sendable {
  private let threads: NIOThreadPool
  private let capacity: Int
  private let jobs = Atomic<Int>(0)

  init(threads count: Int, queueDepth: Int) {
    threads = NIOThreadPool(numberOfThreads: max(1, count))
    capacity = max(1, count) + max(0, queueDepth)
    threads.start()
  }

  func submit(_ job: @escaping @Sendable () -> Void) -> Bool {
    // Jobs that run and jobs that wait are counted together, so the queue itself is exact to the
    // number of workers.
    guard jobs.wrappingAdd(1, ordering: .relaxed).newValue <= capacity else {
      jobs.wrappingSubtract(1, ordering: .relaxed)
      return false
    }
    threads.submit { state in
      if state == .active { job() }
      self.jobs.wrappingSubtract(1, ordering: .relaxed)
    }
    return true
  }

  func shutdown(_ done: @escaping @Sendable () -> Void) {
    threads.shutdownGracefully(queue: .global()) { _ in done() }
  }
}

/// A request between the I/O thread and a worker. Whoever takes it first has it: a worker to
/// answer, or the I/O thread to drop it when the client is gone, so that a cancelled request does
/// not hold its memory until a worker comes by.
final class QueuedRequest: Sendable {
  private let message: Mutex<ReceivedMessage?>

  init(_ message: ReceivedMessage) {
    self.message = Mutex(message)
  }

  func take() -> ReceivedMessage? {
    message.withLock { message in
      defer { message = nil }
      return message
    }
  }
}
