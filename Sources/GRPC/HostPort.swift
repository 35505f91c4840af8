// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// Where a server listens or is reached.
public struct HostPort: Sendable, Equatable {
  /// A name or a numeric address, of version 6 without brackets.
  public var host: String
  public var port: Int

  public init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// `host:port` or `[v6]:port`; nil when the text is neither. Without brackets nobody knows where a
  /// v6 address ends.
  /// - Parameter defaultHost: the host of `:port`; nil where that is not allowed.
  public init?(_ text: String, ports: ClosedRange<Int>, defaultHost: String? = nil) {
    guard let colon = text.lastIndex(of: ":") else { return nil }
    let digits = text[text.index(after: colon)...]
    guard digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let port = Int(digits), ports.contains(port)
    else { return nil }
    let host = text[..<colon]
    if host.isEmpty {
      guard let defaultHost else { return nil }
      self.init(host: defaultHost, port: port)
      return
    }
    let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
    let name = isBracketed ? host.dropFirst().dropLast() : host
    guard !name.isEmpty, isBracketed || !name.contains(":") else { return nil }
    self.init(host: String(name), port: port)
  }

  /// As it is read, and as a URL has it.
  public var text: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
