// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// The registry's algorithms against the rules that hold for all of them.
@Suite struct ConformanceTests {
  @Test(arguments: ConformanceCase.all) func countsAreExact(_ algorithm: ConformanceCase) throws {
    try Conformance.countsAreExact(algorithm)
  }

  @Test(arguments: ConformanceCase.all)
  func theLargestRequestIsAnswered(_ algorithm: ConformanceCase) throws {
    try Conformance.theLargestRequestIsAnswered(algorithm)
  }

  @Test(arguments: ConformanceCase.all) func validationPasses(_ algorithm: ConformanceCase) {
    Conformance.validationPasses(algorithm)
  }

  @Test(arguments: HistoryCase.all, ConformanceCase.all)
  func survives(_ history: HistoryCase, _ algorithm: ConformanceCase) throws {
    try Conformance.survives(history, algorithm)
  }

  @Test(arguments: ConformanceCase.all)
  func survivesAnyPosition(_ algorithm: ConformanceCase) throws {
    try Conformance.survivesAnyPosition(algorithm)
  }

  @Test(arguments: ConformanceCase.all) func batchIsSequence(_ algorithm: ConformanceCase) throws {
    try Conformance.batchIsSequence(algorithm)
  }

  @Test(arguments: ConformanceCase.all)
  func duplicatesAreAvoided(_ algorithm: ConformanceCase) throws {
    try Conformance.duplicatesAreAvoided(algorithm)
  }

  @Test(arguments: ConformanceCase.all)
  func theBestPointIsTriedOnce(_ algorithm: ConformanceCase) throws {
    try Conformance.theBestPointIsTriedOnce(algorithm)
  }

  @Test(arguments: ConformanceCase.all)
  func vanishedTrialsAreNoticed(_ algorithm: ConformanceCase) throws {
    try Conformance.vanishedTrialsAreNoticed(algorithm)
  }

  @Test(arguments: ConformanceCase.all)
  func initialPointsComeFirst(_ algorithm: ConformanceCase) throws {
    try Conformance.initialPointsComeFirst(algorithm)
  }

  @Test(arguments: ConformanceCase.all) func seedIsKept(_ algorithm: ConformanceCase) throws {
    try Conformance.seedIsKept(algorithm)
  }

  @Test(arguments: ConformanceCase.all)
  func directionsMirror(_ algorithm: ConformanceCase) throws {
    try Conformance.directionsMirror(algorithm)
  }

  @Test(arguments: ConformanceCase.all)
  func failedTrialsIsASetting(_ algorithm: ConformanceCase) throws {
    try Conformance.failedTrialsIsASetting(algorithm)
  }

  @Test(arguments: ConformanceCase.all) func unknownSettings(_ algorithm: ConformanceCase) throws {
    try Conformance.unknownSettings(algorithm)
  }
}
