// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import KatibAPI

@Suite struct HealthCheckTests {
  let arenas = ArenaPool()

  @Test(arguments: ["", "manager.v1beta1.Suggestion", "api.v1.beta1.Suggestion"])
  func requestSurvivesTheRoundTrip(service: String) throws {
    let bytes = try HealthCheckRequest(service: service).packed(using: arenas)
    #expect(bytes == (service.isEmpty ? [] : Wire.text(1, service)))
    #expect(try HealthCheckRequest(decoding: bytes, using: arenas).service == service)
  }

  @Test func statusHasTheStandardNumbers() throws {
    let statuses: [HealthCheckResponse.ServingStatus] = [
      .unknown, .serving, .notServing, .serviceUnknown,
    ]
    for (number, status) in statuses.enumerated() {
      let bytes = try HealthCheckResponse(status: status).packed(using: arenas)
      #expect(bytes == (number == 0 ? [] : Wire.number(1, UInt64(number))))
      #expect(try HealthCheckResponse(decoding: bytes, using: arenas).status == status)
    }
    let later = Wire.number(1, 99)
    #expect(try HealthCheckResponse(decoding: later, using: arenas).status == .unknown)
  }
}
