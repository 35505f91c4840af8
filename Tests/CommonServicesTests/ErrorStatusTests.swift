// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import GRPC
import KatibAPI
import Testing

@testable import CommonServices

@Suite struct ErrorStatusTests {
  private struct Surprise: Error {}

  private static let table: [(any Error, StatusCode, atValidation: StatusCode)] = [
    (InvalidExperiment("x"), .invalidArgument, .invalidArgument),
    (WireError.malformed("x"), .internalError, .invalidArgument),
    (WireError.unsupported("x"), .invalidArgument, .invalidArgument),
    (WireError.limit("x"), .resourceExhausted, .invalidArgument),
    (WireError.busy("x"), .resourceExhausted, .unavailable),
    (Status(.failedPrecondition, "x"), .failedPrecondition, .invalidArgument),
    (Status(.cancelled, "x"), .cancelled, .cancelled),
    (Status(.deadlineExceeded, "x"), .deadlineExceeded, .deadlineExceeded),
    (Surprise(), .internalError, .invalidArgument),
  ]

  /// The controller takes every code for a yes that is not INVALID_ARGUMENT, UNKNOWN or, after a
  /// minute of trying, UNAVAILABLE. Bytes that are no message used to be INTERNAL: valid.
  @Test func everyRefusalAtValidationIsOne() {
    for (error, code, atValidation) in ErrorStatusTests.table {
      #expect(ErrorStatus.status(of: error).code == code, "\(error)")
      #expect(ErrorStatus.validationStatus(of: error).code == atValidation, "\(error)")
      #expect(!ErrorStatus.validationStatus(of: error).message.isEmpty)
    }
  }
}
