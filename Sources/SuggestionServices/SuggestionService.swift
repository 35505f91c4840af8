// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

public import Algorithms
internal import CLinux
internal import CommonServices
internal import ExperimentModel
public import GRPC
internal import Glibc
internal import KatibAPI
public import Logging
internal import Synchronization

/// `api.v1.beta1.Suggestion`: decode, choose, suggest, encode.
///
/// Nothing is kept between calls. What a call needs from outside the request (seeds for Experiments
/// without one, the namespace, the clock) is given at construction.
public final class SuggestionService: Sendable {
  private let registry: Registry
  private let namespace: String
  private let checkpoints: CheckpointVolume
  /// The names of the algorithms whose calls write to the volume.
  private let checkpointAlgorithms: [[UInt8]]
  private let logger: Logger
  private let drawSeed: @Sendable () -> UInt64
  private let clock: @Sendable () -> ContinuousClock.Instant
  /// Whether calls that succeed are logged. Read here and not from the logger, which copies its
  /// handler to tell.
  private let logsCalls: Bool
  /// Whether any log line will tell how long a call took.
  private let readsClock: Bool
  private let arenas: ArenaPool
  private let budget: MemoryBudget
  private let problems = ProblemCache()
  private let largeRequest = Mutex(())

  public static let name = "api.v1.beta1.Suggestion"

  /// - Parameters:
  ///   - namespace: the Kubernetes namespace of this process; empty outside a cluster.
  ///   - checkpoints: the volume for algorithms whose trials keep checkpoints.
  ///   - budget: the process-wide memory budget, which decode arenas share with the transport.
  ///   - drawSeed: makes seeds for Experiments that have none.
  ///   - clock: read at the start and the end of a call, for the log alone.
  public init(
    registry: Registry, namespace: String,
    checkpoints: CheckpointVolume = CheckpointVolume(root: CheckpointVolume.defaultRoot),
    budget: MemoryBudget, logger: Logger,
    drawSeed: @escaping @Sendable () -> UInt64 = { UInt64.random(in: 0 ... .max) },
    clock: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now }
  ) {
    self.registry = registry
    self.namespace = namespace
    self.checkpoints = checkpoints
    checkpointAlgorithms = registry.algorithms.filter(\.keepsCheckpoints).map {
      Array($0.name.utf8)
    }
    self.budget = budget
    arenas = ArenaPool(
      budget: ArenaBudget(reserve: { budget.reserve($0) }, release: { budget.release($0) }))
    self.logger = logger
    logsCalls = logger.logLevel <= .info
    readsClock = logger.logLevel <= .warning
    self.drawSeed = drawSeed
    self.clock = clock
  }

  public func register(in router: inout Router) {
    router.unary(
      "/\(SuggestionService.name)/GetSuggestions",
      placement: { self.placement($0) },
      { message, context in try self.getSuggestions(consume message, context) })
    router.unary(
      "/\(SuggestionService.name)/ValidateAlgorithmSettings",
      placement: { self.validationPlacement($0) }, traits: ServiceLimits.validation,
      { message, _ in try self.validateAlgorithmSettings(message) })
  }

  /// Small requests without history stay on the I/O thread, if they are the first of their Experiment: a
  /// later one may have to go over what was issued before. Networks never do.
  private func placement(_ request: UnsafeRawBufferPointer) -> Placement {
    guard isQuick(request), let outline = try? SuggestionsOutline(request),
      outline.trialCount == 0, outline.currentRequestNumber <= ServiceLimits.inlineSuggestions,
      Problem.position(
        current: outline.currentRequestNumber, total: outline.totalRequestNumber, visibleTrials: 0)
        == 0,
      let range = outline.experimentRange,
      let experiment = ExperimentOutline(UnsafeRawBufferPointer(rebasing: request[range])),
      !experiment.hasNetwork,
      experiment.parameterCount * outline.currentRequestNumber <= ServiceLimits.inlineAssignments
    else { return .worker }
    return .inline
  }

  /// Whether a request is small, and nothing in it waits for the checkpoint volume.
  private func isQuick(_ request: UnsafeRawBufferPointer) -> Bool {
    request.count <= ServiceLimits.inlineRequestBytes && !mayKeepCheckpoints(request)
  }

  /// An algorithm's name stands in the bytes as it is, so a request without any of the names is for
  /// none of them; one that has the bytes by chance loses little.
  private func mayKeepCheckpoints(_ request: UnsafeRawBufferPointer) -> Bool {
    checkpointAlgorithms.contains { request.contains($0) }
  }

  /// Validation of all but large Experiments stays on the I/O thread, save for the look at the
  /// checkpoint volume, which may take long. So a full queue cannot keep an invalid Experiment from
  /// being refused, and a valid one has its answer at once. The others have the thread of short work,
  /// whose queue suggestions do not fill.
  private func validationPlacement(_ request: UnsafeRawBufferPointer) -> Placement {
    guard request.count <= ServiceLimits.inlineValidationBytes else { return .worker }
    guard mayKeepCheckpoints(request) else { return .inline }
    // Checked twice, here and by the handler, so half as much is taken.
    guard request.count <= ServiceLimits.inlineValidationBytes / 2 else { return .worker }
    do {
      let experiment = try ValidateAlgorithmSettingsRequest(decoding: request, using: arenas)
        .experiment
      return try check(experiment).algorithm.keepsCheckpoints ? .worker : .inline
    } catch {
      // What is no refusal may turn out otherwise when the handler tries.
      let code = ErrorStatus.validationStatus(of: error).code
      return code == .invalidArgument ? .inline : .worker
    }
  }

  // MARK: - GetSuggestions

  /// What the log tells of a call.
  private struct Account {
    /// nil where no log line would tell the time.
    var start: ContinuousClock.Instant?
    var experiment = ""
    var algorithm = ""
    var trials = 0
    var count = 0
    var position = 0
    var decodeMilliseconds: Double?
    /// Of a reply that needed checkpoint folders.
    var checkpoints: CheckpointVolume.Report?
    var checkpointMilliseconds = 0.0
  }

  private func getSuggestions(
    _ message: consuming ReceivedMessage, _ context: CallContext
  ) throws -> OutgoingMessage {
    var account = Account(start: readsClock ? clock() : nil)
    do {
      let reply = try suggest(consume message, context, &account)
      if logsCalls { log(account, status: Status(.ok)) }
      return reply
    } catch {
      let status = ErrorStatus.status(of: error)
      log(account, status: status)
      throw status
    }
  }

  private func suggest(
    _ message: consuming ReceivedMessage, _ context: CallContext, _ account: inout Account
  ) throws -> OutgoingMessage {
    let isLarge = message.count > ServiceLimits.largeRequestBytes
    // The memory of a large history is in pieces all over the heap, and would stay with the process.
    defer { if isLarge { malloc_trim(0) } }
    let (decoded, history) = try decode(message, context, &account)
    // Others wait for its memory, and there may be seconds of work to do. What the history takes stays
    // counted meanwhile.
    let kept = message.keep {
      history.estimatedBytes * ServiceLimits.workingBytesPerHistoryByte
    }
    defer { withExtendedLifetime(kept) {} }
    _ = consume message
    if logsCalls, let start = account.start {
      account.decodeMilliseconds = milliseconds(since: start)
    }
    account.trials = history.count
    guard (0...ServiceLimits.suggestionsPerRequest).contains(decoded.count) else {
      throw InvalidExperiment(
        "current_request_number is \(decoded.count), it must lie between 0 and "
          + "\(ServiceLimits.suggestionsPerRequest)")
    }
    let position = Problem.position(
      current: decoded.count, total: decoded.total, visibleTrials: history.count)
    account.position = position
    let working = try reserve(decoded)
    defer { budget.release(working) }
    let unknown = decoded.problem.unknownSettings
    if !unknown.isEmpty {
      logger.notice(
        "settings passed over",
        metadata: [
          "experiment": "\(account.experiment)", "algorithm": "\(account.algorithm)",
          "settings": "\(unknown.joined(separator: ","))",
        ])
    }
    let reply = try decoded.problem.suggest(
      history: history, count: decoded.count, position: position, namespace: namespace,
      drawSeed: drawSeed, checkCancellation: { try context.checkCancellation() })
    let message = try OutgoingMessage(
      GetSuggestionsReply(suggestions: reply.suggestions, algorithmSettings: reply.settings),
      using: arenas, budget: budget, for: context)
    // Before folders are made for a reply that nobody would take.
    guard message.count <= ServiceLimits.replyBytes else {
      throw SuggestionService.tooLarge(decoded.count, bytes: "\(message.count) bytes")
    }
    var notices = reply.notices
    if !reply.checkpoints.isEmpty {
      let start = clock()
      let report = try checkpoints.prepare(
        reply.checkpoints, experiment: account.experiment,
        checkCancellation: { try context.checkCancellation() })
      account.checkpoints = report
      account.checkpointMilliseconds = milliseconds(since: start)
      notices += report.notices
    }
    for notice in notices {
      logger.notice("\(notice)", metadata: ["experiment": "\(account.experiment)"])
    }
    return message
  }

  /// Reserves the memory in which a large reply is made.
  /// - Returns: the bytes to release.
  /// - Throws: RESOURCE_EXHAUSTED, or `InvalidExperiment` for a reply that no controller would
  ///   take.
  private func reserve(_ decoded: Decoded) throws -> Int {
    let (estimate, overflow) = decoded.problem.largestSuggestionBytes
      .multipliedReportingOverflow(by: decoded.count)
    guard !overflow, estimate <= ServiceLimits.estimatedReplyBytes else {
      throw SuggestionService.tooLarge(
        decoded.count, bytes: overflow ? "too many bytes" : "up to \(estimate) bytes")
    }
    guard estimate > ServiceLimits.uncountedReplyBytes else { return 0 }
    let bytes = estimate * ServiceLimits.workingBytesPerReplyByte
    guard budget.reserve(bytes) else {
      throw Status(.resourceExhausted, "no memory for \(decoded.count) suggestions at the moment")
    }
    return bytes
  }

  private static func tooLarge(_ count: Int, bytes: String) -> InvalidExperiment {
    InvalidExperiment(
      "current_request_number is \(count): so many suggestions take \(bytes), a reply may have at "
        + "most \(ServiceLimits.replyBytes); ask for fewer at once")
  }

  private struct Decoded {
    var problem: Problem
    var count: Int
    var total: Int
  }

  /// Large requests take turns; their receive buffers have been counted by the transport.
  private func decode(
    _ message: ReceivedMessage, _ context: CallContext, _ account: inout Account
  ) throws -> (Decoded, History) {
    if message.count > ServiceLimits.largeRequestBytes {
      return try largeRequest.withLock { _ in
        try context.checkCancellation()
        return try message.withUnsafeBytes { try decode($0, &account) }
      }
    }
    return try message.withUnsafeBytes { try decode($0, &account) }
  }

  private func decode(
    _ bytes: UnsafeRawBufferPointer, _ account: inout Account
  ) throws -> (Decoded, History) {
    let outline = try SuggestionsOutline(bytes)
    account.trials = outline.trialCount
    account.count = outline.currentRequestNumber
    let problem = try problems.problem(
      experiment: outline.experimentRange.map { UnsafeRawBufferPointer(rebasing: bytes[$0]) }
    ) {
      let experiment = try SuggestionsQuery(decoding: bytes, using: arenas).experiment
      // Before it is checked: the line of a refusal must tell whose Experiment it is.
      account.experiment = experiment.name
      account.algorithm = experiment.algorithmName
      return try Problem(experiment, registry: registry, strictness: .suggestion)
    }
    account.experiment = problem.experiment.name
    account.algorithm = problem.algorithm.name
    let history =
      outline.trialCount == 0
      ? problem.emptyHistory
      : try outline.history(
        in: bytes, space: problem.space, metricName: problem.experiment.objective.metricName,
        textAssignments: problem.algorithm.textAssignments, using: arenas)
    let decoded = Decoded(
      problem: problem, count: outline.currentRequestNumber, total: outline.totalRequestNumber)
    return (decoded, history)
  }

  private func log(_ account: Account, status: Status) {
    let level: Logger.Level = status.code == .ok ? .info : .warning
    guard logger.logLevel <= level else { return }
    var metadata: Logger.Metadata = [
      "experiment": "\(Quoted.shortened(account.experiment))",
      "algorithm": "\(Quoted.shortened(account.algorithm))",
      "trials": "\(account.trials)", "count": "\(account.count)",
      "position": "\(account.position)", "status": "\(status.code)",
    ]
    if let start = account.start {
      metadata["decodeMs"] = account.decodeMilliseconds.map { "\($0)" }
      metadata["ms"] = "\(milliseconds(since: start))"
    }
    if let report = account.checkpoints {
      metadata["folders"] = "\(report.made)"
      metadata["copiedBytes"] = "\(report.bytes)"
      metadata["foldersMs"] = "\(account.checkpointMilliseconds)"
    }
    if status.code != .ok { metadata["error"] = "\(status.message)" }
    logger.log(level: level, "GetSuggestions", metadata: metadata)
  }

  private func milliseconds(since start: ContinuousClock.Instant) -> Double {
    let microseconds = (clock() - start) / .microseconds(1)
    return (microseconds.rounded() / 1000)
  }

  // MARK: - ValidateAlgorithmSettings

  /// All of validation that needs nothing but the message.
  private func check(_ experiment: Experiment) throws(InvalidExperiment) -> Problem {
    let problem = try Problem(experiment, registry: registry, strictness: .validation)
    try SuggestionService.checkParallelism(problem)
    return problem
  }

  /// Refuses what no reply could bring: the controller asks for a suggestion for each trial that may
  /// run beside the others, for all of them at once.
  private static func checkParallelism(_ problem: Problem) throws(InvalidExperiment) {
    let each = max(1, problem.largestSuggestionBytes)
    let room = ServiceLimits.replyBytes - ServiceLimits.replySettingsBytes
    let most = room / each
    guard most > 0 else {
      throw InvalidExperiment(
        "one suggestion could take \(each) bytes, a reply has room for \(room): names and values "
          + "must be shorter, or fewer")
    }
    let wanted = problem.experiment.parallelTrialCount
    guard wanted <= min(most, ServiceLimits.suggestionsPerRequest) else {
      throw InvalidExperiment(
        "parallel_trial_count is \(wanted), it must be at most "
          + "\(min(most, ServiceLimits.suggestionsPerRequest)): trials that begin together get their "
          + "suggestions in one reply of at most \(ServiceLimits.suggestionsPerRequest) and "
          + "\(room) bytes, of which each may take \(each)")
    }
  }

  private func validateAlgorithmSettings(_ message: ReceivedMessage) throws -> OutgoingMessage {
    let start = clock()
    var experiment = ""
    var algorithm = ""
    var status = Status(.ok)
    do {
      let request = try message.withUnsafeBytes {
        try ValidateAlgorithmSettingsRequest(decoding: $0, using: arenas).experiment
      }
      experiment = request.name
      algorithm = request.algorithmName
      let problem = try check(request)
      if problem.algorithm.keepsCheckpoints { try checkpoints.check(experiment: experiment) }
    } catch {
      status = ErrorStatus.validationStatus(of: error)
    }
    let isValid = status.code == .ok
    var metadata: Logger.Metadata = [
      "experiment": "\(Quoted.shortened(experiment))",
      "algorithm": "\(Quoted.shortened(algorithm))",
      "ms": "\(milliseconds(since: start))", "status": "\(status.code)",
    ]
    if !isValid { metadata["error"] = "\(status.message)" }
    logger.log(
      level: isValid ? .info : .warning, "ValidateAlgorithmSettings", metadata: metadata)
    guard isValid else { throw status }
    return try OutgoingMessage(EmptyReply(), using: arenas)
  }
}

extension UnsafeRawBufferPointer {
  /// Whether `bytes`, which are some, stand in here one after another.
  fileprivate func contains(_ bytes: [UInt8]) -> Bool {
    guard var start = baseAddress, let first = bytes.first else { return false }
    let end = start + count
    while let found = memchr(start, Int32(first), end - start) {
      guard end - UnsafeRawPointer(found) >= bytes.count else { break }
      if memcmp(found, bytes, bytes.count) == 0 { return true }
      start = UnsafeRawPointer(found) + 1
    }
    return false
  }
}
