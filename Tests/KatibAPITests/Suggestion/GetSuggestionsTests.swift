// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import Testing

@testable import KatibAPI

@Suite struct GetSuggestionsTests {
  let arenas = ArenaPool()

  /// Written by Google's own Python implementation (4.21.12) from the same .proto file.
  static let goldenRequest = Wire.bytes(
    hex: """
      0ac2010a046ec3a96512b9010a3f0a1b0a026c7210011a130a03302e311204302e30312204302e303128020a160a\
      036f707410041a0d1a037367641a001a046164616d0a080a046e6f6e6510631218080211ae47e17a14aeef3f1a03\
      61636322046c6f737322001a180a0374706512110a0c72616e646f6d5f7374617465120137280330ffffffffffff\
      ffffff013a350a0a080812032020031a010a12270a250a0b636f6e766f6c7574696f6e12160a140a0b66696c7465\
      725f73697a6510041a031a013312720a03742d31122c120708021a036163631a190a0a0a026c721204302e30320a\
      0b0a036f707412046164616d22060a016b1201761a3d0a14323032362d30312d30325430333a30343a30355a1214\
      323032362d30312d30325430333a30353a30355a1802220d0a0b0a036163631204302e373520022809
      """)

  static let goldenReply = Wire.bytes(
    hex: """
      0a200a0a0a026c721204302e30321203742d321a050a016112001a060a01621201320a00121312110a0c72616e64\
      6f6d5f73746174651201371a0e0a036163631203302e3518022004
      """)

  static func goldenMessage() -> GetSuggestionsRequest {
    let objective = Objective(direction: .maximize, metricName: "acc")
    let experiment = Experiment(
      name: "née",
      objective: Objective(
        direction: .maximize, goal: 0.99, metricName: "acc", additionalMetricNames: ["loss", ""]),
      algorithmName: "tpe",
      algorithmSettings: [SettingText(name: "random_state", value: "7")],
      parameterSpecs: [
        ParameterSpec(
          name: "lr", kind: .double,
          feasibleSpace: FeasibleSpace(
            minimum: "0.01", maximum: "0.1", step: "0.01", distribution: .logUniform)),
        ParameterSpec(
          name: "opt", kind: .categorical, feasibleSpace: FeasibleSpace(list: ["sgd", "", "adam"])),
        ParameterSpec(name: "none", kindNumber: 99, feasibleSpace: nil),
      ],
      parallelTrialCount: 3, maxTrialCount: -1,
      neuralArchitecture: NeuralArchitecture(
        layerCount: 8, inputSizes: [32, 32, 3], outputSizes: [10],
        operations: [
          NeuralArchitecture.Operation(
            type: "convolution",
            parameters: [
              ParameterSpec(
                name: "filter_size", kind: .categorical, feasibleSpace: FeasibleSpace(list: ["3"]))
            ])
        ]))
    let trial = TrialMessage(
      name: "t-1", objective: objective,
      assignments: [
        Assignment(name: "lr", value: "0.02"), Assignment(name: "opt", value: "adam"),
      ],
      labels: [SettingText(name: "k", value: "v")], startTime: "2026-01-02T03:04:05Z",
      completionTime: "2026-01-02T03:05:05Z", conditionNumber: 2,
      metrics: [SettingText(name: "acc", value: "0.75")])
    return GetSuggestionsRequest(
      experiment: experiment, trials: [trial], currentRequestNumber: 2, totalRequestNumber: 9)
  }

  @Test func readsWhatAnotherImplementationWrote() throws {
    let bytes = GetSuggestionsTests.goldenRequest
    let query = try SuggestionsQuery(decoding: bytes, using: arenas)
    let expected = GetSuggestionsTests.goldenMessage()
    #expect(expectedFields(query.experiment) == expectedFields(expected.experiment))
    #expect(query.currentRequestNumber == 2)
    #expect(query.totalRequestNumber == 9)
    #expect(query.trialCount == 1)
    // The third parameter is nonsense on purpose; the trials know nothing of that.
    let space = try SearchSpace(Array(query.experiment.parameterSpecs.prefix(2)))
    let history = try bytes.withUnsafeBytes {
      try query.history(in: $0, space: space, textAssignments: ["opt"], using: arenas)
    }
    #expect(history.names == ["t-1"])
    #expect(history.conditions == [.succeeded])
    #expect(history.objectives == [0.75])
    #expect(history.readings == [[0.02], [2]])
    #expect(history.texts == [["adam"]])
    #expect(history.duration(0) == 60)
    let reply = try GetSuggestionsReply(
      decoding: GetSuggestionsTests.goldenReply, using: arenas)
    #expect(
      reply
        == GetSuggestionsReply(
          suggestions: [
            Suggestion(
              assignments: [Assignment(name: "lr", value: "0.02")], trialName: "t-2",
              labels: [SettingText(name: "a", value: ""), SettingText(name: "b", value: "2")]),
            Suggestion(assignments: []),
          ],
          algorithmSettings: [SettingText(name: "random_state", value: "7")],
          earlyStoppingRules: [
            EarlyStoppingRule(metricName: "acc", value: "0.5", comparison: .less, startStep: 4)
          ]))
  }

  @Test func writesWhatAnotherImplementationWrites() throws {
    // protobuf writes fields in the order of their numbers; we write the trials last, so the two
    // numbers stand before them.
    let golden = GetSuggestionsTests.goldenRequest
    let numbers = Wire.number(4, 2) + Wire.number(5, 9)
    let trials = golden.count - numbers.count - 116
    let reordered =
      golden[..<trials] + numbers + golden[trials..<(golden.count - numbers.count)]
    let bytes = try GetSuggestionsTests.goldenMessage().packed(using: arenas)
    #expect(bytes == Array(reordered))
  }

  /// A small message is packed from what measuring has built, a large one is built twice; the bytes
  /// must not tell.
  @Test(arguments: [0, 1, 40, 2_000])
  func encodeFillsExactlyWhatItMeasured(trials: Int) throws {
    var message = GetSuggestionsTests.goldenMessage()
    // The third parameter is nonsense on purpose.
    message.experiment.parameterSpecs.removeLast()
    message.trials = Array(repeating: message.trials[0], count: trials)
    var buffer: [UInt8] = []
    var size = -1
    try message.encode(using: arenas) { bytes, fill in
      size = bytes
      buffer = Array(repeating: 0xee, count: bytes + 8)
      buffer.withUnsafeMutableBytes { fill(UnsafeMutableRawBufferPointer(rebasing: $0[..<bytes])) }
    }
    #expect(buffer.suffix(8).allSatisfy { $0 == 0xee })
    let decoded = try DecodedRequest(Array(buffer[..<size]))
    #expect(decoded.history.count == trials)
    #expect(expectedFields(decoded.query.experiment) == expectedFields(message.experiment))
    #expect(try message.packed(using: arenas) == Array(buffer[..<size]))
  }

  @Test func encodeRefusesABufferThatIsTooSmall() throws {
    var message = GetSuggestionsTests.goldenMessage()
    // Too large to be kept, so that the second pass meets the end of the buffer.
    message.trials = Array(repeating: message.trials[0], count: 2_000)
    let refusal = wireError {
      try message.encode(using: arenas) { bytes, fill in
        var small = [UInt8](repeating: 0, count: bytes - 1)
        small.withUnsafeMutableBytes { fill($0) }
      }
    }
    #expect(refusal?.isLimit == true)
  }

  @Test(arguments: UInt64(1)...200)
  func experimentsSurviveTheRoundTrip(seed: UInt64) throws {
    var messages = RandomMessages(seed: seed)
    let experiment = messages.experiment()
    let bytes = try ValidateAlgorithmSettingsRequest(experiment: experiment).packed(using: arenas)
    let decoded = try ValidateAlgorithmSettingsRequest(decoding: bytes, using: arenas).experiment
    #expect(expectedFields(decoded) == expectedFields(experiment), "seed \(seed)")
  }

  @Test(arguments: UInt64(1)...200)
  func repliesSurviveTheRoundTrip(seed: UInt64) throws {
    var messages = RandomMessages(seed: seed)
    let reply = GetSuggestionsReply(
      suggestions: (0..<messages.int(0...5)).map { i in
        Suggestion(
          assignments: messages.texts(4).map { Assignment(name: $0, value: messages.text()) },
          trialName: messages.text(),
          labels: (0..<messages.int(0...2)).map {
            SettingText(name: "label\($0)", value: messages.text())
          })
      },
      algorithmSettings: messages.settings(3),
      earlyStoppingRules: (0..<messages.int(0...2)).map { _ in
        EarlyStoppingRule(
          metricName: messages.text(), value: messages.text(), comparison: .greater,
          startStep: messages.int(-1...9))
      })
    let bytes = try reply.packed(using: arenas)
    #expect(try GetSuggestionsReply(decoding: bytes, using: arenas) == reply, "seed \(seed)")
  }

  @Test(arguments: UInt64(1)...100)
  func trialsArriveInTheColumns(seed: UInt64) throws {
    var messages = RandomMessages(seed: seed)
    let request = messages.request()
    let decoded = try DecodedRequest(try request.packed(using: arenas), texts: ["unknown"])
    let history = decoded.history
    #expect(decoded.query.currentRequestNumber == request.currentRequestNumber)
    #expect(decoded.query.totalRequestNumber == request.totalRequestNumber)
    #expect(Set(history.names) == Set(request.trials.map(\.name)))
    #expect(history.count == request.trials.count)
    let space = try SearchSpace(request.experiment.parameterSpecs)
    for trial in request.trials {
      let i = try #require(history.names.firstIndex(of: trial.name))
      #expect(history.conditions[i] == TrialCondition(rawValue: trial.conditionNumber) ?? .unknown)
      #expect(history.startTimes[i] == Timestamp.seconds(trial.startTime))
      #expect(history.completionTimes[i] == Timestamp.seconds(trial.completionTime))
      for (p, parameter) in space.parameters.enumerated() {
        let expected = parameter.reading(trial.assignments[p].value)
        #expect(history.readings[p][i].bitPattern == expected.bitPattern, "seed \(seed)")
      }
      #expect(history.texts[0][i] == trial.assignments.last?.value)
      let own = trial.objective?.metricName ?? ""
      let metric = own.isEmpty ? request.experiment.objective.metricName : own
      let observed = trial.metrics.last { $0.name == metric }
      let expected = observed.flatMap { NumberText.parse($0.value) } ?? .nan
      #expect(history.objectives[i].bitPattern == expected.bitPattern, "seed \(seed)")
    }
  }

  @Test(
    arguments: [
      ("1", 1), ("-0.5", -0.5), ("+3", 3), (" 2.5 ", 2.5), ("\t7\n", 7), ("1e3", 1000),
      ("1E-3", 0.001), (".5", 0.5), ("5.", 5), ("0001", 1), ("0.1", 0.1),
      ("0.30000000000000004", 0.30000000000000004),
      ("123456789012345678901234567890", 1.2345678901234568e29),
      ("4.9e-324", Double.leastNonzeroMagnitude), ("1e-400", 0),
      ("1.7976931348623157e308", 1.7976931348623157e308),
      ("9007199254740993", 9_007_199_254_740_992), ("-0", 0),
    ] as [(String, Double)])
  func readsNumber(text: String, value: Double) throws {
    #expect(try objective(of: text) == value)
  }

  @Test(arguments: [
    "", " ", ".", "-", "+", "e", "e5", ".e5", "1e", "1e+", "1e5.5", "--1", "+-1", "1-", "1 2",
    "1,5",
    "1_000", "0x10", "0x1p3", "1f", "1d", "nan", "NaN", "-nan", "inf", "-inf", "Infinity",
    "unavailable", "None", "true", "1e400", "-1e999999999999", "1..2", "1.2.3", "१", "½", "１",
    "0b1", "1e1e1", "\u{feff}1",
  ])
  func refusesNumber(text: String) throws {
    #expect(try objective(of: text).isNaN)
  }

  /// What becomes of a metric's value.
  private func objective(of text: String) throws -> Double {
    var request = GetSuggestionsTests.goldenMessage()
    request.experiment.parameterSpecs = []
    request.trials[0].metrics = [SettingText(name: "acc", value: text)]
    return try DecodedRequest(try request.packed(using: arenas)).history.objectives[0]
  }

  @Test func lastOfARepeatedFieldWins() throws {
    // Two assignments of one parameter, two values of one metric, two counts.
    var request = GetSuggestionsTests.goldenMessage()
    request.experiment.parameterSpecs.removeLast()
    request.trials[0].assignments.append(Assignment(name: "lr", value: "0.07"))
    request.trials[0].metrics.append(SettingText(name: "acc", value: "0.5"))
    let bytes = try request.packed(using: arenas) + Wire.number(4, 1) + Wire.number(4, 6)
    let decoded = try DecodedRequest(bytes)
    #expect(decoded.history.readings[0] == [0.07])
    #expect(decoded.history.objectives == [0.5])
    #expect(decoded.query.currentRequestNumber == 6)
    // Keys of a map.
    let label = { (value: String) in Wire.payload(3, Wire.text(1, "k") + Wire.text(2, value)) }
    let reply = try GetSuggestionsReply(
      decoding: Wire.payload(1, label("first") + label("last")), using: arenas)
    #expect(reply.suggestions[0].labels == [SettingText(name: "k", value: "last")])
  }

  @Test func experimentInPiecesIsOneExperiment() throws {
    let whole = try ValidateAlgorithmSettingsRequest(
      experiment: GetSuggestionsTests.goldenMessage().experiment
    ).packed(using: arenas)
    let extra = Wire.nested([1, 2, 3, 2], Wire.text(1, "late") + Wire.text(2, "1"))
    let bytes = whole + Wire.payload(2, Wire.text(1, "t")) + extra + Wire.payload(1, [])
    let experiment = try SuggestionsQuery(decoding: bytes, using: arenas).experiment
    #expect(experiment.name == "née")
    #expect(experiment.parameterSpecs.count == 3)
    #expect(experiment.algorithmSettings.map(\.name) == ["random_state", "late"])
  }

  @Test func emptyAndSparseRequestsHaveDefaults() throws {
    let nothing = try DecodedRequest([])
    #expect(nothing.query.experiment.name.isEmpty)
    #expect(nothing.query.currentRequestNumber == 0)
    #expect(nothing.history.isEmpty)
    let bare = try DecodedRequest(Wire.payload(2, []) + Wire.payload(2, Wire.payload(3, [])))
    #expect(bare.history.names == ["", ""])
    #expect(bare.history.conditions == [.created, .created])
    #expect(bare.history.objectives.allSatisfy { $0.isNaN })
  }

  @Test func numbersWithoutANamePassThrough() throws {
    let query = try SuggestionsQuery(
      decoding: GetSuggestionsTests.goldenRequest, using: arenas)
    #expect(query.experiment.parameterSpecs[2].kindNumber == 99)
    let odd = Wire.nested([1, 2, 2], Wire.number(1, 99))
    let objective = try SuggestionsQuery(decoding: odd, using: arenas).experiment.objective
    #expect(objective.direction == .minimize)
    let trial = Wire.payload(2, Wire.payload(3, Wire.number(3, 99)))
    #expect(try DecodedRequest(trial).history.conditions == [.unknown])
  }

  @Test func faultsNameTheTrial() throws {
    let bytes = Wire.payload(2, Wire.text(1, "fine")) + Wire.payload(2, Wire.payload(1, [0xff]))
    let error = wireError { _ = try DecodedRequest(bytes) }
    #expect(error == .malformed("trials[1].name: text that is not valid UTF-8"))
    let cut = Wire.payload(1, [0x0a, 0x05])
    let cutError = wireError { _ = try DecodedRequest(cut) }
    #expect(cutError == .malformed("experiment.name: a length of 5 where 0 bytes remain"))
  }

  @Test func outlineNeedsNoDecoding() throws {
    let bytes = GetSuggestionsTests.goldenRequest
    let outline = try bytes.withUnsafeBytes { try SuggestionsOutline($0) }
    #expect(outline.trialCount == 1)
    #expect(outline.currentRequestNumber == 2)
    #expect(outline.totalRequestNumber == 9)
    let negative = try Wire.number(4, UInt64(bitPattern: -1)).withUnsafeBytes {
      try SuggestionsOutline($0)
    }
    #expect(negative.currentRequestNumber == -1)
  }
}
