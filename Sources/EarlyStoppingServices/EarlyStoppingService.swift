// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CommonServices
internal import ExperimentModel
public import GRPC
internal import KatibAPI
public import KubernetesAPI
public import Logging
internal import Synchronization

/// `api.v1.beta1.EarlyStopping`: rules for trials to come, and the word that one has fired.
///
/// The controller asks for rules before it makes trials; they rest on the observation logs of the
/// trials that have succeeded, which Katib's DB manager keeps. The metrics collector in a trial's
/// pod says when a rule has fired, and the trial gets its condition through the Kubernetes API.
public final class EarlyStoppingService: Sendable {
  public static let name = "api.v1.beta1.EarlyStopping"

  private let trials: any TrialStatusWriting
  private let logger: Logger
  private let clock: @Sendable () -> ContinuousClock.Instant
  private let arenas: ArenaPool
  private let logs: ObservationLogClient
  private let cache: AverageCache
  private let largeRequest = Mutex(())

  /// - Parameters:
  ///   - trials: sets the status of trials.
  ///   - budget: the process-wide memory budget, which decode arenas share with the transport.
  ///   - clock: read at the start and the end of a call, for the log alone.
  public convenience init(
    trials: any TrialStatusWriting, budget: MemoryBudget, logger: Logger,
    clock: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now }
  ) {
    self.init(
      trials: trials, budget: budget, logger: logger, clock: clock,
      cache: AverageCache(capacity: EarlyStoppingLimits.keptAverages),
      logs: ObservationLogClient())
  }

  init(
    trials: any TrialStatusWriting, budget: MemoryBudget, logger: Logger,
    clock: @escaping @Sendable () -> ContinuousClock.Instant, cache: AverageCache,
    logs: ObservationLogClient
  ) {
    self.trials = trials
    self.logger = logger
    self.clock = clock
    self.cache = cache
    self.logs = logs
    arenas = ArenaPool(
      budget: ArenaBudget(reserve: { budget.reserve($0) }, release: { budget.release($0) }))
  }

  public func register(in router: inout Router) {
    let name = EarlyStoppingService.name
    router.unary(
      "/\(name)/GetEarlyStoppingRules", placement: { _ in .worker },
      { message, context in try self.getEarlyStoppingRules(consume message, context) })
    router.unary(
      "/\(name)/SetTrialStatus", placement: { _ in .worker }, { try self.setTrialStatus($0, $1) })
    // Nothing to wait for, so it is answered while every worker waits for a DB manager: a large one
    // by the thread of short work.
    router.unary(
      "/\(name)/ValidateEarlyStoppingSettings",
      placement: { $0.count <= ServiceLimits.inlineValidationBytes ? .inline : .worker },
      traits: ServiceLimits.validation,
      { message, _ in try self.validateEarlyStoppingSettings(message) })
  }

  // MARK: - GetEarlyStoppingRules

  /// What the log tells of a call.
  private struct Account {
    var experiment = ""
    var trials = 0
    var succeeded = 0
    var fetched = 0
    var failed = 0
    /// Why the last of them could not be read.
    var failure: Status?
    var rule: EarlyStoppingRule?
  }

  private func getEarlyStoppingRules(
    _ message: consuming ReceivedMessage, _ context: CallContext
  ) throws -> OutgoingMessage {
    let start = clock()
    var account = Account()
    do {
      account.rule = try rule(consume message, context, &account)
      log(account, since: start, status: Status(.ok))
      let rules = account.rule.map { [$0] } ?? []
      return try OutgoingMessage(GetEarlyStoppingRulesReply(rules: rules), using: arenas)
    } catch {
      let status = ErrorStatus.status(of: error)
      log(account, since: start, status: status)
      throw status
    }
  }

  private func rule(
    _ message: consuming ReceivedMessage, _ context: CallContext, _ account: inout Account
  ) throws -> EarlyStoppingRule? {
    let (query, history) = try decode(message, context)
    // Others wait for its memory, and a DB manager may take its time.
    _ = consume message
    account.experiment = query.experiment.name
    account.trials = history.count
    let succeeded = EarlyStoppingService.succeeded(history)
    account.succeeded = succeeded.count
    // Before anything else is looked at: an Experiment begins like this, and so do Katib's tests,
    // with no settings and an address that leads nowhere.
    guard !succeeded.isEmpty else { return nil }
    var spec = query.earlyStopping
    // Who calls by hand may leave out the one algorithm there is; validation does not take that.
    if spec.algorithmName.isEmpty { spec.algorithmName = MedianStopping.name }
    let stopping = try MedianStopping(spec)
    guard succeeded.count >= stopping.minTrialsRequired else { return nil }
    let objective = query.experiment.objective
    guard !objective.metricName.isEmpty else {
      throw InvalidExperiment(
        "objective_metric_name is empty, it must name the metric that trials are compared by")
    }
    guard let address = HostPort(query.dbManagerAddress, ports: 1...65_535) else {
      throw InvalidExperiment(
        "db_manager_address is \(Quoted.text(query.dbManagerAddress)), it must be host:port")
    }
    let scope = AverageScope(
      address: query.dbManagerAddress, metricName: objective.metricName,
      startStep: stopping.startStep)
    let keys = succeeded.map { trial in
      AverageKey(
        scope: scope, trialName: history.names[trial], startTime: history.startTimes[trial],
        completionTime: history.completionTimes[trial])
    }
    let outcome = try averages(keys, enough: stopping.minTrialsRequired, at: address, context)
    account.fetched = outcome.averages.count
    account.failed = outcome.failureCount
    account.failure = outcome.lastFailure
    try EarlyStoppingService.checkSilence(outcome, enough: stopping.minTrialsRequired, keys)
    let averages = keys.compactMap { outcome.averages[$0] ?? nil }
    return stopping.rule(averages, objective: objective)
  }

  /// The trials that succeeded, each name once: logs are kept by name alone.
  private static func succeeded(_ history: History) -> [Int] {
    var names: Set<String> = []
    return (0..<history.count).filter {
      history.conditions[$0] == .succeeded && names.insert(history.names[$0]).inserted
    }
  }

  private func decode(
    _ message: ReceivedMessage, _ context: CallContext
  ) throws -> (EarlyStoppingQuery, History) {
    if message.count > ServiceLimits.largeRequestBytes {
      return try largeRequest.withLock { _ in
        try context.checkCancellation()
        return try message.withUnsafeBytes { try decode($0) }
      }
    }
    return try message.withUnsafeBytes { try decode($0) }
  }

  private func decode(
    _ bytes: UnsafeRawBufferPointer
  ) throws -> (EarlyStoppingQuery, History) {
    let query = try EarlyStoppingQuery(decoding: bytes, using: arenas)
    return (query, try query.history(in: bytes, space: SearchSpace([]), using: arenas))
  }

  // MARK: Averages

  /// Makes sure that a silent DB manager is not taken for trials without reports: trials would be made
  /// without a rule for as long as it is silent.
  ///
  /// A rule from some of the logs is better than no trial at all. So only what may be read in a moment
  /// counts, and only where it would make a rule: a log that nobody can ever read must not hold up the
  /// Experiment. Unless nothing at all is known, or can be read any more: a DB manager without its database fails for every
  /// log, with whatever code.
  /// - Throws: UNAVAILABLE, so that the controller asks again.
  private static func checkSilence(
    _ outcome: ObservationLogClient.Outcome, enough: Int, _ keys: [AverageKey]
  ) throws {
    let known = outcome.averageCount
    guard let failure = outcome.lastFailure, known < enough,
      known == 0 || !outcome.canRead || known + outcome.silenceCount >= enough
    else { return }
    let address = Quoted.shortened(keys.first?.scope.address ?? "")
    throw Status(
      .unavailable,
      "the DB manager at \(address) gave a value for \(known) of \(keys.count) trials, a rule needs "
        + "\(enough), and failed for \(outcome.failureCount) (\(failure.code)): \(failure.message)")
  }

  /// The averages of these logs, from the cache or the DB manager.
  private func averages(
    _ keys: [AverageKey], enough: Int, at address: HostPort, _ context: CallContext
  ) throws -> ObservationLogClient.Outcome {
    let deadline = EarlyStoppingService.fetchDeadline(context)
    return
      try fastPath(keys)
      ?? BlockingTask.run(context) {
        var outcome = await self.collect(keys, at: address, until: deadline)
        if outcome.averageCount < enough {
          await self.probe(&outcome, keys, at: address, until: deadline)
        }
        return outcome
      }
  }

  /// Everything from the cache, without a task; nil if something has to be fetched.
  private func fastPath(_ keys: [AverageKey]) throws -> ObservationLogClient.Outcome? {
    let claim = cache.claim(keys)
    guard claim.mine.isEmpty, claim.others.isEmpty else {
      cache.release(claim.mine)
      return nil
    }
    return ObservationLogClient.Outcome(averages: claim.known)
  }

  /// Where every log that is not in the cache failed, reads one that is: a process without the cache
  /// would, and it must not answer otherwise.
  private func probe(
    _ outcome: inout ObservationLogClient.Outcome, _ keys: [AverageKey], at address: HostPort,
    until deadline: MonotonicInstant
  ) async {
    guard outcome.lastFailure != nil, !outcome.canRead,
      let key = keys.first(where: { outcome.averages[$0] != nil })
    else { return }
    let probed = await logs.averages([key], at: address, until: deadline) { _, _ in }
    outcome.canRead = probed.canRead
  }

  private func collect(
    _ keys: [AverageKey], at address: HostPort, until deadline: MonotonicInstant
  ) async -> ObservationLogClient.Outcome {
    var outcome = ObservationLogClient.Outcome()
    var missing = keys
    while !missing.isEmpty {
      let claim = cache.claim(missing)
      outcome.averages.merge(claim.known) { $1 }
      let fetched = await logs.averages(claim.mine, at: address, until: deadline) {
        cache.keep($1, for: $0)
      }
      cache.release(claim.mine)
      outcome.averages.merge(fetched.averages) { $1 }
      outcome.canRead = outcome.canRead || fetched.canRead
      outcome.failureCount += fetched.failureCount
      outcome.silenceCount += fetched.silenceCount
      outcome.lastFailure = fetched.lastFailure ?? outcome.lastFailure
      missing = claim.others
      if !missing.isEmpty {
        // Another call is about to learn these.
        guard MonotonicInstant.now() < deadline,
          (try? await Task.sleep(for: .milliseconds(10))) != nil
        else {
          outcome.passOver(missing.count)
          break
        }
      }
    }
    return outcome
  }

  /// When to stop fetching, so that the answer still reaches the caller.
  private static func fetchDeadline(_ context: CallContext) -> MonotonicInstant {
    let longest = EarlyStoppingLimits.callTimeout
    let left = min(context.deadline?.duration(since: .now()) ?? longest, longest)
    return .now().advanced(by: workTime(within: left))
  }

  /// What is left of the time for a call when its answer has had the time to reach the caller.
  private static func workTime(within left: Duration) -> Duration {
    left - min(EarlyStoppingLimits.answerMargin, left / 5)
  }

  private func log(_ account: Account, since start: ContinuousClock.Instant, status: Status) {
    let isFine = status.code == .ok && account.failed == 0
    let level: Logger.Level = isFine ? .info : .warning
    guard logger.logLevel <= level else { return }
    var metadata: Logger.Metadata = [
      "experiment": "\(Quoted.shortened(account.experiment))", "trials": "\(account.trials)",
      "succeeded": "\(account.succeeded)", "known": "\(account.fetched)",
      "failed": "\(account.failed)", "ms": "\(milliseconds(since: start))",
      "status": "\(status.code)",
    ]
    if let rule = account.rule {
      metadata["rule"] = "\(rule.comparison) \(rule.value) at \(rule.startStep)"
    }
    if status.code != .ok {
      metadata["error"] = "\(status.message)"
    } else if let failure = account.failure {
      metadata["failure"] = "\(failure.code): \(failure.message)"
    }
    logger.log(level: level, "GetEarlyStoppingRules", metadata: metadata)
  }

  private func milliseconds(since start: ContinuousClock.Instant) -> Double {
    let microseconds = (clock() - start) / .microseconds(1)
    return microseconds.rounded() / 1000
  }

  // MARK: - SetTrialStatus

  private func setTrialStatus(
    _ message: ReceivedMessage, _ context: CallContext
  ) throws -> OutgoingMessage {
    let start = clock()
    var trial = ""
    var status = Status(.ok)
    do {
      trial = try message.withUnsafeBytes {
        try SetTrialStatusRequest(decoding: $0, using: arenas).trialName
      }
      let name = trial
      let left = context.deadline.map {
        EarlyStoppingService.workTime(within: $0.duration(since: .now()))
      }
      try BlockingTask.run(context) {
        try await self.trials.setEarlyStopped(trial: name, within: left)
      }
    } catch let error as KubernetesError {
      status = error.status
    } catch {
      status = ErrorStatus.status(of: error)
    }
    var metadata: Logger.Metadata = [
      "trial": "\(Quoted.shortened(trial))", "ms": "\(milliseconds(since: start))",
      "status": "\(status.code)",
    ]
    if status.code != .ok { metadata["error"] = "\(status.message)" }
    logger.log(
      level: status.code == .ok ? .info : .warning, "SetTrialStatus", metadata: metadata)
    guard status.code == .ok else { throw status }
    return try OutgoingMessage(EmptyReply(), using: arenas)
  }

  // MARK: - ValidateEarlyStoppingSettings

  private func validateEarlyStoppingSettings(_ message: ReceivedMessage) throws -> OutgoingMessage {
    var status = Status(.ok)
    var algorithm = ""
    do {
      let spec = try message.withUnsafeBytes {
        try ValidateEarlyStoppingSettingsRequest(decoding: $0, using: arenas).earlyStopping
      }
      algorithm = spec.algorithmName
      _ = try MedianStopping(spec)
    } catch {
      status = ErrorStatus.validationStatus(of: error)
    }
    var metadata: Logger.Metadata = [
      "algorithm": "\(Quoted.shortened(algorithm))", "status": "\(status.code)",
    ]
    if status.code != .ok { metadata["error"] = "\(status.message)" }
    logger.log(
      level: status.code == .ok ? .info : .warning, "ValidateEarlyStoppingSettings",
      metadata: metadata)
    guard status.code == .ok else { throw status }
    return try OutgoingMessage(EmptyReply(), using: arenas)
  }
}
