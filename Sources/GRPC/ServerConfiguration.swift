// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// How a server is set up.
public struct ServerConfiguration: Sendable {
  /// The address to listen on: an IP address or a name.
  public var host = "0.0.0.0"
  /// The port to listen on; 0 lets the system choose.
  public var port = 0
  /// Threads that run handlers. The I/O thread comes on top.
  public var workers = 2
  /// Requests that may wait for a worker; the next one is answered RESOURCE_EXHAUSTED.
  ///
  /// The default is what one connection may have open at once, so that a single client is never
  /// refused for its own burst.
  public var queueDepth = 128
  public var limits = Limits()

  public init() {}

  public init(host: String, port: Int, workers: Int = 2, queueDepth: Int = 128) {
    self.host = host
    self.port = port
    self.workers = workers
    self.queueDepth = queueDepth
  }
}

/// A server that cannot listen.
public struct ListenError: Error, CustomStringConvertible {
  /// What the system said.
  public var description: String
}
