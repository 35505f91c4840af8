// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import EarlyStoppingServices

@Suite struct DBManagerAddressTests {
  @Test(arguments: [
    ("katib-db-manager.kubeflow:6789", "katib-db-manager.kubeflow", 6789),
    ("10.0.0.1:1", "10.0.0.1", 1), ("[fd00::1]:6789", "fd00::1", 6789), ("h:65535", "h", 65535),
  ])
  func addressesAreRead(text: String, host: String, port: Int) {
    #expect(DBManagerAddress(text)?.host == host)
    #expect(DBManagerAddress(text)?.port == port)
  }

  @Test(arguments: [
    "", "host", ":6789", "host:", "host:0", "host:65536", "host:x", "fd00::1:6789", "[]:1", "a:b:1",
  ])
  func othersAreNot(text: String) {
    #expect(DBManagerAddress(text) == nil)
  }
}
