// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOPosix

/// A client's connections, on the I/O thread: the present one, the one being made, and calls that
/// wait for it.
final class ClientCore {
  private let address: HostPort
  private let configuration: ClientConfiguration
  private let loop: any EventLoop
  private let output = OutputBuffer()

  private var current: ClientConnection?
  private var isConnecting = false
  private var isClosed = false
  private var waiting: [ClientCall] = []
  private var connections: [ObjectIdentifier: ClientConnection] = [:]

  init(_ address: HostPort, configuration: ClientConfiguration, loop: any EventLoop) {
    self.address = address
    self.configuration = configuration
    self.loop = loop
  }

  func start(_ call: ClientCall) {
    guard !call.isFinished else { return }
    guard !isClosed else { return call.finish(Status(.cancelled, "the client is closed")) }
    if let current, current.start(call, now: .now()) { return }
    waiting.append(call)
    if let deadline = call.deadline { expire(call, at: deadline) }
    connect()
  }

  func close() {
    isClosed = true
    let status = Status(.cancelled, "the client is closed")
    for call in waiting { call.finish(status) }
    waiting = []
    for connection in connections.values { connection.close(status) }
  }

  /// A deadline counts while there is no connection, too.
  private func expire(_ call: ClientCall, at deadline: MonotonicInstant) {
    let time = NIODeadline.uptimeNanoseconds(UInt64(max(0, deadline.nanoseconds)))
    loop.assumeIsolated().scheduleTask(deadline: time) { [weak self, weak call] in
      guard let self, let call, call.connection == nil else { return }
      waiting.removeAll { $0 === call }
      call.finish(Status(.deadlineExceeded, "the deadline of the call has passed"))
    }
  }

  private func connect() {
    guard !isConnecting else { return }
    isConnecting = true
    let timeout = TimeAmount.nanoseconds(configuration.connectTimeout.saturatingNanoseconds)
    ClientBootstrap(group: loop)
      .connectTimeout(timeout)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .connect(host: address.host, port: address.port)
      .assumeIsolated()
      .whenComplete { [self] result in
        isConnecting = false
        switch result {
        case .success(let channel): connected(channel)
        case .failure(let error):
          failed("cannot connect to \(address.text): \(socketProblem(error))")
        }
      }
  }

  private func connected(_ channel: any Channel) {
    guard !isClosed,
      let connection = try? ClientConnection(
        authority: address.text, userAgent: configuration.userAgent, limits: configuration.limits,
        now: .now())
    else {
      channel.close(promise: nil)
      return failed("cannot set up a connection")
    }
    let key = ObjectIdentifier(connection)
    connections[key] = connection
    connection.retired = { [weak self, weak connection] in
      guard let self, current === connection else { return }
      current = nil
    }
    connection.returned = { [weak self] call in
      // Not within the session's callback: the next connection may be this one.
      self?.loop.assumeIsolated().execute { self?.start(call) }
    }
    channel.closeFuture.assumeIsolated().whenComplete { [weak self] _ in
      self?.connections[key] = nil
    }
    current = connection
    let calls = waiting
    waiting = []
    for call in calls { start(call) }
    do {
      try channel.pipeline.syncOperations.addHandler(
        ConnectionHandler(connection, limits: configuration.limits, output: output))
    } catch {
      // The peer closed in between.
      connection.lost(now: .now())
    }
  }

  private func failed(_ reason: String) {
    let calls = waiting
    waiting = []
    for call in calls { call.finish(Status(.unavailable, reason)) }
  }
}
