// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import NIOPosix
internal import Synchronization

/// Runs the handlers that take long.
protocol CallExecutor: Sendable {
  /// - Parameter isShort: the work must not stand behind long work.
  /// - Returns: false if the queue is full; the request is then dropped.
  func submit(_ request: QueuedRequest, isShort: Bool) -> Bool

  /// Drops a request that nobody waits for any more, unless its work has begun.
  func withdraw(_ request: QueuedRequest)
}

/// A few threads behind a bounded queue. A call that would have to wait behind a full queue is
/// better refused at once: its client can go to another replica while its deadline is still far.
///
/// Short work has one thread and a queue of its own, so that it is done while all others compute.
final class WorkerPool: CallExecutor {
  /// Short requests that may wait: each takes milliseconds, and their callers seconds to come again.
  private static let shortQueue = 16

  private let common: BoundedThreads
  /// Made when it is first needed: most servers never do.
  private let short = Mutex<BoundedThreads?>(nil)

  /// - Parameters:
  ///   - workers: the number of threads.
  ///   - queueDepth: requests that may wait besides those that are worked for.
  init(workers: Int, queueDepth: Int) {
    common = BoundedThreads(threads: workers, queueDepth: queueDepth)
  }

  func submit(_ request: QueuedRequest, isShort: Bool) -> Bool {
    guard isShort else { return common.submit(request) }
    let threads = short.withLock { short in
      let threads = short ?? BoundedThreads(threads: 1, queueDepth: WorkerPool.shortQueue)
      short = threads
      return threads
    }
    return threads.submit(request)
  }

  func withdraw(_ request: QueuedRequest) {
    common.withdraw(request)
    short.withLock { $0 }?.withdraw(request)
  }

  /// Ends the threads after the work that has begun, then calls `done`; requests that wait are
  /// dropped.
  func shutdown(_ done: @escaping @Sendable () -> Void) {
    let short = short.withLock { $0 }
    common.shutdown { if let short { short.shutdown(done) } else { done() } }
  }
}

/// Threads behind a bounded queue.
///
/// The queue is here and not the pool's own, so that requests nobody waits for leave it: two slow
/// calls and a hundred cancelled ones once kept everybody else out.
private final class BoundedThreads: Sendable {
  private struct State {
    /// Requests that wait; only while every thread is busy.
    var waiting: [QueuedRequest] = []
    var busy = 0
    var isShutDown = false
  }

  private let threads: NIOThreadPool
  private let count: Int
  private let queueDepth: Int
  private let state = Mutex(State())

  init(threads count: Int, queueDepth: Int) {
    self.count = max(1, count)
    self.queueDepth = max(0, queueDepth)
    threads = NIOThreadPool(numberOfThreads: self.count)
    threads.start()
  }

  func submit(_ request: QueuedRequest) -> Bool {
    enum Place { case thread, queue, none }
    let place = state.withLock { state -> Place in
      if state.busy < count {
        state.busy += 1
        return .thread
      }
      guard state.waiting.count < queueDepth else { return .none }
      state.waiting.append(request)
      return .queue
    }
    if case .thread = place {
      threads.submit { [self] state in
        // Shut down before a thread came by.
        guard case .active = state else { return }
        var next: QueuedRequest? = request
        while let request = next {
          request.run()
          next = nextRequest()
        }
      }
    }
    if case .none = place { return false }
    return true
  }

  func withdraw(_ request: QueuedRequest) {
    state.withLock { $0.waiting.removeAll { $0 === request } }
  }

  /// What a thread does next; nil when it is done.
  private func nextRequest() -> QueuedRequest? {
    state.withLock { state in
      guard !state.isShutDown, !state.waiting.isEmpty else {
        state.busy -= 1
        return nil
      }
      return state.waiting.removeFirst()
    }
  }

  func shutdown(_ done: @escaping @Sendable () -> Void) {
    state.withLock { state in
      state.isShutDown = true
      state.waiting = []
    }
    threads.shutdownGracefully(queue: .global()) { _ in done() }
  }
}

/// A request between the I/O thread and a worker. Whoever takes its message first has it: a worker to
/// answer, or the I/O thread to drop it when the client is gone, so that a cancelled request does
/// not hold its memory until a worker comes by.
final class QueuedRequest: Sendable {
  private let message: Mutex<ReceivedMessage?>
  private let work: @Sendable (consuming ReceivedMessage) -> Void

  /// - Parameter work: gets the message for its own, so that it can let it go.
  init(
    _ message: ReceivedMessage, _ work: @escaping @Sendable (consuming ReceivedMessage) -> Void
  ) {
    self.message = Mutex(message)
    self.work = work
  }

  func take() -> ReceivedMessage? {
    message.withLock { message in
      defer { message = nil }
      return message
    }
  }

  /// Does the work, unless the message was taken.
  func run() {
    guard let message = take() else { return }
    work(consume message)
  }
}
