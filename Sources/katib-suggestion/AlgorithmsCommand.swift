// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Algorithms
internal import ArgumentParser

/// `katib-suggestion algorithms [NAME] [--json | --markdown]`.
struct AlgorithmsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "algorithms",
    abstract: "Lists every algorithm with its settings, defaults and ranges.")

  /// Its flags are read wherever they stand on the line.
  @ParentCommand var server: KatibSuggestion

  @Argument(help: "Only this algorithm.")
  var name: String?

  @Flag(help: "As JSON.")
  var json = false

  @Flag(help: "As Markdown: the source of docs/algorithms.md.")
  var markdown = false

  func validate() throws {
    if let flag = server.givenFlags.first {
      throw ValidationError("--\(flag) is a flag of the server, and 'algorithms' starts none")
    }
  }

  func run() throws {
    var algorithms = Registry.standard.algorithms
    if let name {
      algorithms = algorithms.filter { $0.name == name }
      guard !algorithms.isEmpty else {
        let known = Registry.standard.algorithms.map(\.name).joined(separator: ", ")
        throw ValidationError("unknown algorithm name \(name); there are \(known)")
      }
    }
    let reference = AlgorithmReference(algorithms)
    print(json ? reference.json : markdown ? reference.markdown : reference.text, terminator: "")
  }
}
