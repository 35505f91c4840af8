// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// The header block of a request, read field by field as nghttp2 delivers it. Only what a call
/// needs is kept.
///
/// It cannot be copied: it moves from the block being received into its call.
struct RequestHead: ~Copyable {
  /// How a request is answered without a handler.
  enum Refusal {
    /// An answer in terms of HTTP, for what is not gRPC at all.
    case http(status: StaticString, Status, hasBody: Bool)
    /// Trailers only.
    case grpc(Status)
    /// Trailers only, with the encodings that would have been understood.
    case unknownEncoding
  }

  private(set) var route: Router.Route?
  private(set) var metadata = Metadata()
  private(set) var timeout: Duration?
  /// How the client's messages are compressed, if their flag says so.
  private(set) var encoding: Compression?
  /// The best encoding the client understands.
  private(set) var replyEncoding: Compression?
  /// The path of a request without a route, for the log.
  private(set) var unroutedPath = ""

  private var listBytes = 0
  private var isPost = false
  private var isHead = false
  private var isGRPC = false
  private var hasBadTimeout = false
  private var hasBadMetadata = false
  private var hasUnknownEncoding = false

  /// The longest path kept for the log.
  private static let loggedPathBytes = 128

  /// Takes in one field. Past the limit of the list nothing more is stored.
  mutating func add(
    name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>, router: Router, limit: Int
  ) {
    listBytes += RequestHead.listBytes(name: name.count, value: value.count)
    guard listBytes <= limit, let first = name.first else { return }
    switch first {
    case UInt8(ascii: ":"):
      addPseudoField(name: name, value: value, router: router)
    case UInt8(ascii: "g") where name.hasPrefix("grpc-"):
      addProtocolField(name: name, value: value)
    default:
      if name.equals("content-type") {
        isGRPC = RequestHead.isGRPC(contentType: value)
      } else if !RequestHead.isTransport(name) {
        if !metadata.appendWire(name: name, value: value) { hasBadMetadata = true }
      }
    }
  }

  /// What a field counts for in the size of a list (RFC 9113 section 6.5.2).
  static func listBytes(name: Int, value: Int) -> Int { name + value + 32 }

  /// Fields of the transport, which are nobody's metadata.
  private static func isTransport(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
    name.equals("te") || name.equals("user-agent") || name.equals("content-length")
      || name.equals("host")
  }

  private mutating func addPseudoField(
    name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>, router: Router
  ) {
    if name.equals(":path") {
      route = router.route(value)
      if route == nil {
        let logged = value.prefix(RequestHead.loggedPathBytes)
        unroutedPath = String(decoding: logged, as: UTF8.self)
      }
    } else if name.equals(":method") {
      isPost = value.equals("POST")
      isHead = !isPost && value.equals("HEAD")
    }
  }

  private mutating func addProtocolField(
    name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>
  ) {
    if name.equals("grpc-timeout") {
      timeout = Timeout.parse(value)
      hasBadTimeout = timeout == nil
    } else if name.equals("grpc-encoding") {
      encoding = Compression.allCases.first { value.equals($0.name) }
      hasUnknownEncoding = encoding == nil && !value.equals("identity")
    } else if name.equals("grpc-accept-encoding") {
      value.forEachListItem { item in
        // gzip wins when both are listed: every implementation has it.
        if item.equals("gzip") {
          replyEncoding = .gzip
        } else if item.equals("deflate"), replyEncoding == nil {
          replyEncoding = .deflate
        }
      }
    } else if name.hasSuffix("-bin"), !metadata.appendWire(name: name, value: value) {
      // grpc-trace-bin and the like are handed on.
      hasBadMetadata = true
    }
  }

  /// "application/grpc", alone or followed by "+proto" or parameters. Other message formats
  /// ("+json") cannot be decoded here.
  static func isGRPC(contentType value: UnsafeBufferPointer<UInt8>) -> Bool {
    let base: StaticString = "application/grpc"
    guard value.hasPrefix(base) else { return false }
    let rest = UnsafeBufferPointer(rebasing: value.dropFirst(base.utf8CodeUnitCount))
    guard let first = rest.first else { return true }
    if first == UInt8(ascii: ";") { return true }
    return rest.equals("+proto") || rest.hasPrefix("+proto;")
  }

  /// Why the request cannot be served, or nil.
  func refusal(limit: Int) -> Refusal? {
    if listBytes > limit {
      let message = "the header list is larger than \(limit) bytes"
      return .grpc(Status(.resourceExhausted, message))
    }
    if !isPost {
      let status = Status(.internalError, "gRPC uses the method POST")
      // The answer to HEAD has no body (RFC 9110 section 9.3.2); clients take one for an error.
      return .http(status: "405", status, hasBody: !isHead)
    }
    if !isGRPC {
      let message = "the content-type is not application/grpc"
      return .http(status: "415", Status(.invalidArgument, message), hasBody: true)
    }
    if route == nil { return .grpc(Status(.unimplemented, "unknown method \(unroutedPath)")) }
    if hasBadTimeout { return .grpc(Status(.internalError, "malformed grpc-timeout")) }
    if hasBadMetadata {
      return .grpc(Status(.internalError, "binary metadata is not base64"))
    }
    if hasUnknownEncoding { return .unknownEncoding }
    if let timeout, timeout <= .zero {
      return .grpc(Status(.deadlineExceeded, "the deadline of the call has passed"))
    }
    return nil
  }
}
