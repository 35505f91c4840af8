// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// One finished call, for logs and metrics.
public struct CallRecord: Sendable {
  /// The method; for an unknown one what the client asked for, cut short.
  public var path: String
  /// How the call ended, as far as the server knows: CANCELLED if the client left first.
  public var status: Status
  /// The client's address.
  public var peer: String
  /// Message bytes with their prefixes, as they went over the wire.
  public var bytesReceived: Int
  /// Message bytes with their prefixes, as they went over the wire.
  public var bytesSent: Int
  /// Time spent waiting for a worker thread.
  public var queued: Duration
  /// Time from the headers to the end of the stream.
  public var duration: Duration
}
