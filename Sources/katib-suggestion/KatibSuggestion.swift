// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Algorithms
internal import ArgumentParser
internal import GRPC
internal import Glibc
internal import Logging
internal import SuggestionServices

/// Serves Katib's Suggestion API. Without arguments it does what Katib expects of an image.
@main
struct KatibSuggestion: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "katib-suggestion",
    abstract: "Serves the Suggestion API of Kubeflow Katib.",
    discussion: """
      Without arguments: all algorithms, on 0.0.0.0:6789, plaintext HTTP/2. Every flag has an \
      environment twin, named in its help; the flag wins.
      """,
    version: Version.text,
    subcommands: [AlgorithmsCommand.self])

  @OptionGroup var options: ServeOptions

  func run() throws {
    let settings = try options.resolved()
    var logger = Logger(label: "katib-suggestion") { _ in
      LineLogHandler(format: settings.logFormat, level: settings.logLevel)
    }
    logger.logLevel = settings.logLevel
    let health = HealthService(
      names: ["", "manager.v1beta1.Suggestion", SuggestionService.name])
    var configuration = ServerConfiguration(
      host: settings.address.host, port: settings.address.port, workers: settings.workers,
      queueDepth: settings.queueDepth)
    configuration.limits.messageBytes = settings.maxMessageBytes
    let process = ServerProcess(
      configuration: configuration, grace: settings.grace, logger: logger)
    var router = Router()
    SuggestionService(
      registry: .standard, namespace: settings.namespace,
      checkpoints: CheckpointVolume(root: settings.dataDirectory), budget: process.memoryBudget,
      logger: logger
    ).register(in: &router)
    try process.serve(&router, health: health, services: [SuggestionService.name])
  }
}
