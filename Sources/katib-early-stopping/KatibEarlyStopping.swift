// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CommonServices
internal import EarlyStoppingServices
internal import GRPC
internal import KubernetesAPI
internal import ServerOptions

/// Serves Katib's EarlyStopping API. Without arguments it does what Katib expects of an image.
@main
struct KatibEarlyStopping: ServerCommand {
  static let configuration = CommandConfiguration(
    commandName: "katib-early-stopping",
    abstract: "Serves the EarlyStopping API of Kubeflow Katib: the algorithm medianstop.",
    discussion: """
      Without arguments: on 0.0.0.0:6788, plaintext HTTP/2, and the Kubernetes API through the \
      pod's service account. Every flag has an environment twin, named in its help; the flag wins.
      """,
    version: Version.text)

  @OptionGroup var options: ServeOptions<EarlyStoppingProgram>

  @Option(
    help: kubeconfigTwin.help(
      "Kubeconfig files, separated by colons. The variable counts only outside a cluster.",
      "none"))
  var kubeconfig: String?

  @Option(
    help: EarlyStoppingProgram.serviceAccount.help(
      "Folder of the service account: token, ca.crt, namespace.", ServiceAccount.directory))
  var serviceAccount: String?

  /// The variable that kubectl reads.
  private static let kubeconfigTwin = Twin(flag: "kubeconfig", variable: "KUBECONFIG")

  static var withoutFlags: KatibEarlyStopping {
    var command = KatibEarlyStopping()
    command.options = .withoutFlags
    command.kubeconfig = nil
    command.serviceAccount = nil
    return command
  }

  func run() throws {
    let settings = try options.resolved()
    let log = LogWriter(format: settings.logFormat)
    let logger = settings.logger("katib-early-stopping", to: log)
    options.noteUnknownVariables(logger)
    let health = HealthService(
      names: ["", "manager.v1beta1.Suggestion", EarlyStoppingService.name])
    let process = ServerProcess(
      configuration: settings.serverConfiguration, grace: settings.grace, logger: logger,
      log: log)
    let directory =
      serviceAccount ?? EarlyStoppingProgram.serviceAccount.value ?? ServiceAccount.directory
    let access = ClusterAccessSource(
      explicitKubeconfig: kubeconfig, kubeconfig: KatibEarlyStopping.kubeconfigTwin.value,
      serviceAccount: directory, namespace: settings.namespace)
    var router = Router()
    EarlyStoppingService(
      trials: TrialStatusWriter(access: access, sessions: KubernetesSessions()),
      budget: process.memoryBudget, logger: logger
    ).register(in: &router)
    process.serve(&router, health: health, services: [EarlyStoppingService.name])
  }
}

/// The command line's particulars.
enum EarlyStoppingProgram: ServerProgram {
  static let variablePrefix = "KATIB_EARLY_STOPPING_"
  static let port = 6788
  /// Most of a call is waiting for a DB manager or the Kubernetes API.
  static let workers = 8
  static let workersSummary = "Calls that may wait for the DB manager or Kubernetes at once"
  static let namespaceSummary = "Namespace of the trials."
  static let serviceAccount = Twin(
    flag: "service-account", variable: variablePrefix + "SERVICE_ACCOUNT")
  static let ownTwins = [serviceAccount]
}
