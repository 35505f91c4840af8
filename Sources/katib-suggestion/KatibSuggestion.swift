// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Algorithms
internal import ArgumentParser
internal import CommonServices
internal import GRPC
internal import ServerOptions
internal import SuggestionServices

/// Serves Katib's Suggestion API. Without arguments it does what Katib expects of an image.
@main
struct KatibSuggestion: ServerCommand {
  static let configuration = CommandConfiguration(
    commandName: "katib-suggestion",
    abstract: "Serves the Suggestion API of Kubeflow Katib.",
    discussion: """
      Without arguments: all algorithms, on 0.0.0.0:6789, plaintext HTTP/2. Every flag has an \
      environment twin, named in its help; the flag wins.
      """,
    version: Version.text,
    subcommands: [AlgorithmsCommand.self])

  @OptionGroup var options: ServeOptions<SuggestionProgram>

  @Option(
    help: SuggestionProgram.dataDirectory.help(
      "Where the volume for checkpoints is mounted.", CheckpointVolume.defaultRoot))
  var dataDirectory: String?

  static var withoutFlags: KatibSuggestion {
    var command = KatibSuggestion()
    command.options = .withoutFlags
    command.dataDirectory = nil
    return command
  }

  /// The flags on the command line, without their dashes.
  var givenFlags: [String] {
    options.givenFlags
      + (dataDirectory == nil ? [] : [SuggestionProgram.dataDirectory.flag])
  }

  func run() throws {
    let settings = try options.resolved()
    let log = LogWriter(format: settings.logFormat)
    let logger = settings.logger("katib-suggestion", to: log)
    options.noteUnknownVariables(logger)
    let health = HealthService(
      names: ["", "manager.v1beta1.Suggestion", SuggestionService.name])
    let process = ServerProcess(
      configuration: settings.serverConfiguration, grace: settings.grace, logger: logger,
      log: log)
    var router = Router()
    SuggestionService(
      registry: .standard, namespace: settings.namespace ?? ServiceAccount.namespace() ?? "",
      checkpoints: CheckpointVolume(
        root: dataDirectory ?? SuggestionProgram.dataDirectory.value
          ?? CheckpointVolume.defaultRoot),
      budget: process.memoryBudget, logger: logger
    ).register(in: &router)
    process.serve(&router, health: health, services: [SuggestionService.name])
  }
}

/// The command line's particulars.
enum SuggestionProgram: ServerProgram {
  static let variablePrefix = "KATIB_SUGGESTION_"
  static let port = 6789
  static let workers = 2
  static let workersSummary = "Threads that compute suggestions"
  static let namespaceSummary = "Namespace of this process, part of the hash in chosen trial names."
  static let dataDirectory = Twin(
    flag: "data-directory", variable: variablePrefix + "DATA_DIRECTORY")
  static let ownTwins = [dataDirectory]
}
