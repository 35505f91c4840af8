// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import CommonServices

@Suite struct ListenAddressTests {
  @Test(arguments: [
    ("127.0.0.1:6789", "127.0.0.1", 6789), (":80", "0.0.0.0", 80), ("[::1]:1", "::1", 1),
    ("localhost:0", "localhost", 0),
  ])
  func addressesAreRead(text: String, host: String, port: Int) {
    #expect(ListenAddress(text) == ListenAddress(host: host, port: port))
  }

  /// The log said `address=::1:34053`.
  @Test(arguments: ["127.0.0.1:6789", "[::1]:34053", "localhost:0", "[fe80::1%eth0]:1"])
  func textReadsBack(text: String) {
    #expect(ListenAddress(text)?.text == text)
  }

  @Test(arguments: ["", "6789", "host", "host:", "host:x", "host:65536", "host:-1"])
  func othersAreNot(text: String) {
    #expect(ListenAddress(text) == nil)
  }
}
