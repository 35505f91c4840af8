// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import KatibAPI

@Suite struct DescriptorIndexTests {
  let index = DescriptorIndex.builtIn

  @Test func holdsEveryFile() {
    #expect(
      index.files.map(\.name) == [
        "api.proto", "health.proto", "reflection.proto", "reflection_v1alpha.proto",
      ])
    #expect(
      index.services == [
        "api.v1.beta1.Suggestion", "api.v1.beta1.EarlyStopping", "api.v1.beta1.DBManager",
        "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
      ])
  }

  @Test(arguments: [
    ("api.v1.beta1.Suggestion", "api.proto"),
    ("api.v1.beta1.Suggestion.GetSuggestions", "api.proto"),
    ("api.v1.beta1.GetSuggestionsReply.ParameterAssignments", "api.proto"),
    ("api.v1.beta1.GetSuggestionsReply.ParameterAssignments.LabelsEntry", "api.proto"),
    ("api.v1.beta1.GetSuggestionsReply.ParameterAssignments.trial_name", "api.proto"),
    ("api.v1.beta1.ParameterType", "api.proto"),
    ("api.v1.beta1.CATEGORICAL", "api.proto"),
    ("api.v1.beta1.TrialStatus.TrialConditionType", "api.proto"),
    ("api.v1.beta1.TrialStatus.EARLYSTOPPED", "api.proto"),
    ("grpc.health.v1.HealthCheckResponse.ServingStatus", "health.proto"),
    ("grpc.reflection.v1.ServerReflectionRequest.message_request", "reflection.proto"),
    ("grpc.reflection.v1alpha.ServerReflection", "reflection_v1alpha.proto"),
  ])
  func findsSymbol(symbol: String, file: String) {
    #expect(index.file(declaring: symbol)?.name == file)
  }

  @Test(arguments: [
    "", "api", "api.v1.beta1", ".api.v1.beta1.Trial", "api.v1.beta1.trial", "Trial",
  ])
  func doesNotFind(symbol: String) {
    #expect(index.file(declaring: symbol) == nil)
    #expect(index.file(named: symbol) == nil)
  }

  @Test func tellsMessagesFromOtherNames() {
    #expect(index.isMessage("api.v1.beta1.Trial"))
    #expect(!index.isMessage("api.v1.beta1.Suggestion"))
    #expect(!index.isMessage("api.v1.beta1.ParameterType"))
  }

  @Test func followsImportsOnceEach() throws {
    // Three files in a circle, which protoc would refuse, and one that is missing.
    func file(_ name: String, imports: [String]) -> [UInt8] {
      Wire.payload(1, Wire.text(1, name) + imports.flatMap { Wire.text(3, $0) })
    }
    let bytes =
      file("a", imports: ["b", "c", "gone"]) + file("b", imports: ["c"])
      + file("c", imports: ["a"])
    let index = try bytes.withUnsafeBytes { try DescriptorIndex(descriptorSet: $0) }
    let first = try #require(index.file(named: "a"))
    #expect(index.closure(of: first).map(\.name) == ["a", "b", "c"])
  }

  @Test func refusesWhatIsNoDescriptorSet() {
    let error = wireError {
      try [0x0a, 0x05, 0x01].withUnsafeBytes { _ = try DescriptorIndex(descriptorSet: $0) }
    }
    #expect(error?.isMalformed == true)
  }
}
