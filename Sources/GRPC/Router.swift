// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Where a unary handler runs.
public enum Placement: Sendable {
  /// On the I/O thread, which serves nobody else meanwhile: for answers in microseconds.
  case inline
  /// On a worker thread, after the queue.
  case worker
}

/// Takes part in one streaming call. Every method is called on the I/O thread, in order.
public protocol StreamHandler: Sendable {
  /// A message of the client.
  func receive(_ message: ReceivedMessage)
  /// The client sends no more.
  func halfClosed()
  /// The server is about to end: a call that would not end by itself is to be finished now. Called
  /// when the drain begins, or right after the call has begun if that is later.
  func draining()
  /// The call is over, answered or not; called exactly once, last.
  func closed()
}

extension StreamHandler {
  /// Calls that end by themselves are waited for.
  public func draining() {}
}

/// What is particular to one method.
public struct MethodTraits: Sendable {
  /// The largest message of a client, in bytes, compressed or not, where that is less than
  /// `Limits.messageBytes`.
  ///
  /// Messages of methods that take none above `Limits.uncountedMessageBytes` need no memory of the
  /// budget, so such calls are answered when it is spent.
  public var messageBytes: Int
  /// The answer while the server is short of memory or threads, or the client too slow for it.
  public var overload: StatusCode
  /// The work is short and must not stand behind long work: it has a thread and a queue of its own.
  public var isShort: Bool

  public init(
    messageBytes: Int = .max, overload: StatusCode = .resourceExhausted, isShort: Bool = false
  ) {
    self.messageBytes = messageBytes
    self.overload = overload
    self.isShort = isShort
  }
}

/// The methods of a server by their paths.
public struct Router: Sendable {
  /// The message is the handler's own: one that is decoded and let go gives its memory back while the
  /// handler goes on.
  public typealias UnaryHandler =
    @Sendable (consuming ReceivedMessage, CallContext) throws -> OutgoingMessage
  public typealias StreamOpener =
    @Sendable (CallContext, ResponseWriter) -> any StreamHandler

  enum Kind: Sendable {
    case unary(placement: @Sendable (UnsafeRawBufferPointer) -> Placement, handler: UnaryHandler)
    case streaming(StreamOpener)
  }

  /// One method.
  final class Route: Sendable {
    let path: String
    let kind: Kind
    let traits: MethodTraits

    init(path: String, kind: Kind, traits: MethodTraits) {
      self.path = path
      self.kind = kind
      self.traits = traits
    }
  }

  /// Routes by the length of their path: with a few dozen methods nearly every list holds one or
  /// two, and one memcmp decides.
  private var routesByLength: [[Route]] = []

  public init() {}

  /// Adds a unary method, replacing one of the same path.
  /// - Parameters:
  ///   - path: "/package.Service/Method".
  ///   - placement: looks at the bytes of the request, on the I/O thread, and decides where the
  ///     handler runs. A compressed request always goes to a worker.
  ///   - traits: what is particular to the method.
  ///   - handler: throws a ``Status`` or a ``StatusConvertible`` error to refuse; any other error
  ///     becomes INTERNAL.
  public mutating func unary(
    _ path: String, placement: @escaping @Sendable (_ request: UnsafeRawBufferPointer) -> Placement,
    traits: MethodTraits = MethodTraits(), _ handler: @escaping UnaryHandler
  ) {
    insert(Route(path: path, kind: .unary(placement: placement, handler: handler), traits: traits))
  }

  /// Adds a streaming method of any kind, replacing one of the same path.
  /// - Parameters:
  ///   - traits: what is particular to the method.
  ///   - open: called on the I/O thread when a call begins, before any message.
  public mutating func streaming(
    _ path: String, traits: MethodTraits = MethodTraits(), _ open: @escaping StreamOpener
  ) {
    insert(Route(path: path, kind: .streaming(open), traits: traits))
  }

  private mutating func insert(_ route: Route) {
    let length = route.path.utf8.count
    while routesByLength.count <= length { routesByLength.append([]) }
    routesByLength[length].removeAll { $0.path == route.path }
    routesByLength[length].append(route)
  }

  /// The route of exactly this path.
  func route(_ path: UnsafeBufferPointer<UInt8>) -> Route? {
    guard path.count < routesByLength.count else { return nil }
    return routesByLength[path.count].first { route in
      route.path.utf8.withContiguousStorageIfAvailable { bytes in
        guard let left = bytes.baseAddress, let right = path.baseAddress else { return false }
        return memcmp(left, right, path.count) == 0
      } ?? false
    }
  }
}
