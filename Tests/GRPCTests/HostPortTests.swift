// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import GRPC

@Suite struct HostPortTests {
  @Test(arguments: [
    ("127.0.0.1:6789", "127.0.0.1", 6789), ("[::1]:1", "::1", 1),
    ("[fe80::1%eth0]:9", "fe80::1%eth0", 9),
    ("localhost:0", "localhost", 0),
    ("katib-db-manager.kubeflow:65535", "katib-db-manager.kubeflow", 65_535),
    (":80", "0.0.0.0", 80),
  ])
  func addressesAreRead(text: String, host: String, port: Int) {
    let address = HostPort(text, ports: 0...65_535, defaultHost: "0.0.0.0")
    #expect(address == HostPort(host: host, port: port))
  }

  /// The log said `address=::1:34053`.
  @Test(arguments: ["127.0.0.1:6789", "[::1]:34053", "localhost:1", "[fe80::1%eth0]:1"])
  func textReadsBack(text: String) {
    #expect(HostPort(text, ports: 1...65_535)?.text == text)
  }

  /// `::1` once was port 1 of the host ":".
  @Test(arguments: [
    "", "6789", "host", "host:", "host:x", "host:65536", "host:-1", "host:+1", "host: 1", "host:٣",
    "::1",
    "fd00::1:6789", "[]:1", "a:b:1",
  ])
  func othersAreNot(text: String) {
    #expect(HostPort(text, ports: 0...65_535, defaultHost: "0.0.0.0") == nil)
  }

  @Test func theCallerSaysWhatIsAllowed() {
    #expect(HostPort(":6789", ports: 1...65_535) == nil)
    #expect(HostPort("host:0", ports: 1...65_535) == nil)
  }
}
