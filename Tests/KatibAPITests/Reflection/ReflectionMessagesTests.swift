// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import KatibAPI

@Suite struct ReflectionMessagesTests {
  let arenas = ArenaPool()

  static let questions: [ReflectionRequest.Question] = [
    .none, .fileByName("api.proto"), .fileByName(""), .fileContainingSymbol("api.v1.beta1.Trial"),
    .fileContainingExtension(type: "a.B", number: 100), .allExtensionNumbers(ofType: "a.B"),
    .listServices("*"), .listServices(""),
  ]

  @Test(arguments: questions)
  func requestSurvivesTheRoundTrip(question: ReflectionRequest.Question) throws {
    let request = ReflectionRequest(host: "h", question: question)
    let bytes = try request.packed(using: arenas)
    #expect(try ReflectionRequest(decoding: bytes, using: arenas) == request)
  }

  @Test(
    arguments: [
      .none, .files([]), .files([[1, 2, 3], [], [0, 255]]), .services([]),
      .services(["a.B", "c.D"]),
      .extensionNumbers(type: "a.B", [1, 300]), .error(code: 5, message: "no"),
    ] as [ReflectionResponse.Answer])
  func responseSurvivesTheRoundTrip(answer: ReflectionResponse.Answer) throws {
    for question in ReflectionMessagesTests.questions {
      let response = ReflectionResponse(
        to: ReflectionRequest(host: "h", question: question), answer)
      let bytes = try response.packed(using: arenas)
      #expect(try ReflectionResponse(decoding: bytes, using: arenas) == response)
    }
  }

  /// Bytes from Google's own Python implementation (4.21.12).
  @Test func agreesWithAnotherImplementation() throws {
    let list = ReflectionRequest(host: "h", question: .listServices(""))
    #expect(try list.packed(using: arenas) == Wire.bytes(hex: "0a01683a00"))
    let error = ReflectionResponse(to: list, .error(code: 5, message: "no"))
    #expect(
      try error.packed(using: arenas)
        == Wire.bytes(hex: "0a016812050a01683a003a06080512026e6f"))
    let numbers = try ReflectionResponse(
      decoding: Wire.bytes(hex: "2a0a0a03612e42120301ac02"), using: arenas)
    #expect(numbers.answer == .extensionNumbers(type: "a.B", [1, 300]))
  }

  @Test func lastQuestionOfSeveralCounts() throws {
    let bytes = Wire.text(3, "api.proto") + Wire.text(7, "") + Wire.text(4, "x")
    let request = try ReflectionRequest(decoding: bytes, using: arenas)
    #expect(request.question == .fileContainingSymbol("x"))
  }
}
