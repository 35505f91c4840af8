// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CKatibProto
internal import ExperimentModel

/// One measurement of one trial.
public struct MetricLog: Sendable, Equatable {
  /// RFC 3339, perhaps with a fraction of a second.
  public var timeStamp: String
  public var metricName: String
  /// Text, which need not be a number.
  public var value: String

  public init(timeStamp: String, metricName: String, value: String) {
    self.timeStamp = timeStamp
    self.metricName = metricName
    self.value = value
  }

  init(_ message: C.MetricLog) {
    timeStamp = string(message.time_stamp)
    metricName = string(message.metric?.pointee.name)
    value = string(message.metric?.pointee.value)
  }
}

/// Asks the DBManager what a trial has measured.
public struct GetObservationLogRequest: WireEncodable, WireDecodable, Sendable, Equatable {
  public var trialName: String
  /// Empty for every metric.
  public var metricName: String
  /// RFC 3339; empty for no bound.
  public var startTime: String
  public var endTime: String

  public init(
    trialName: String, metricName: String = "", startTime: String = "", endTime: String = ""
  ) {
    self.trialName = trialName
    self.metricName = metricName
    self.startTime = startTime
    self.endTime = endTime
  }

  public init(decoding bytes: UnsafeRawBufferPointer, using arenas: ArenaPool) throws(WireError) {
    self = try arenas.unpack(bytes, as: C.GetObservationLogRequest.self) {
      GetObservationLogRequest(
        trialName: string($0.trial_name), metricName: string($0.metric_name),
        startTime: string($0.start_time), endTime: string($0.end_time))
    }
  }

  public func write(to sink: inout MessageSink) throws(WireError) {
    try sink.add { arena throws(WireError) in
      let request = try arena.make(C.GetObservationLogRequest.self)
      request.pointee.trial_name = try arena.text(trialName)
      request.pointee.metric_name = try arena.text(metricName)
      request.pointee.start_time = try arena.text(startTime)
      request.pointee.end_time = try arena.text(endTime)
      return request
    }
  }
}

/// What a trial has measured, in no promised order.
public struct GetObservationLogReply: WireEncodable, WireDecodable, Sendable, Equatable {
  public var log: [MetricLog]

  public init(log: [MetricLog]) {
    self.log = log
  }

  public init(decoding bytes: UnsafeRawBufferPointer, using arenas: ArenaPool) throws(WireError) {
    log = try arenas.unpack(bytes, as: C.GetObservationLogReply.self) { reply in
      metricLogs(reply.observation_log?.pointee)
    }
  }

  public func write(to sink: inout MessageSink) throws(WireError) {
    try sink.add { arena throws(WireError) in
      let reply = try arena.make(C.GetObservationLogReply.self)
      reply.pointee.observation_log = try arena.observationLog(log)
      return reply
    }
  }
}

private func metricLogs(_ message: C.ObservationLog?) -> [MetricLog] {
  guard let message else { return [] }
  return elements(message.n_metric_logs, message.metric_logs).map { MetricLog($0.pointee) }
}

extension Arena {
  fileprivate func observationLog(
    _ log: [MetricLog]
  ) throws(WireError) -> UnsafeMutablePointer<C.ObservationLog> {
    let message = try make(C.ObservationLog.self)
    (message.pointee.n_metric_logs, message.pointee.metric_logs) =
      try array(log) { entry throws(WireError) -> UnsafeMutablePointer<C.MetricLog>? in
        let item = try make(C.MetricLog.self)
        item.pointee.time_stamp = try text(entry.timeStamp)
        item.pointee.metric = try metric(
          SettingText(name: entry.metricName, value: entry.value))
        return item
      }
    return message
  }
}
