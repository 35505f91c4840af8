// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import FoundationEssentials

/// One try to give a Trial its condition.
struct TrialStatusUpdate {
  let session: any APISession
  let namespace: String
  let trial: String
  /// Seconds since 1970.
  let time: Int64
  let deadline: ContinuousClock.Instant

  private var path: String {
    "/apis/kubeflow.org/v1beta1/namespaces/\(namespace)/trials/\(trial)"
  }

  func run() async throws(KubernetesError) {
    let found = try await session.send(
      APIRequest(method: "GET", path: path, deadline: requestDeadline))
    guard found.code == 200 else { throw refusal(found, "get", "trials") }
    let object: JSONValue
    do {
      object = try JSONValue(parsing: found.body)
    } catch {
      throw .unreadable("GET \(path): the answer is no JSON object")
    }
    guard let patch = try TrialStatusUpdate.patch(object, time: time) else { return }
    let bytes: [UInt8]
    do {
      bytes = try patch.serialized()
    } catch {
      throw .unreadable("the conditions of Trial \(trial) cannot be written as JSON: \(error)")
    }
    let written = try await session.send(
      APIRequest(
        method: "PATCH", path: path + "/status", contentType: "application/merge-patch+json",
        body: bytes, deadline: requestDeadline))
    switch written.code {
    case 200...299: return
    case 409:
      throw .conflict("Trial \(trial) changed under every try to set its status")
    default: throw refusal(written, "patch", "trials/status")
    }
  }

  private var requestDeadline: ContinuousClock.Instant {
    min(deadline, .now + KubernetesLimits.requestTime)
  }

  /// What to write, or nil when the condition is there.
  ///
  /// A condition of that type which is not true makes room for the new one: a list of conditions
  /// has one of each type.
  static func patch(_ trial: JSONValue, time: Int64) throws(KubernetesError) -> JSONValue? {
    guard let version = trial["metadata"]?["resourceVersion"]?.string else {
      throw .unreadable("the API server's answer has no metadata.resourceVersion")
    }
    var conditions = trial["status"]?["conditions"]?.array ?? []
    let isOurs = { (condition: JSONValue) in condition["type"]?.string == "EarlyStopped" }
    if conditions.contains(where: { isOurs($0) && $0["status"]?.string == "True" }) { return nil }
    conditions.removeAll(where: isOurs)
    let text = JSONValue.string(
      Date(timeIntervalSince1970: Double(time)).formatted(.iso8601))
    conditions.append(
      .object([
        "type": .string("EarlyStopped"), "status": .string("True"),
        "reason": .string("TrialEarlyStopped"), "message": .string("Trial is early stopped"),
        "lastUpdateTime": text, "lastTransitionTime": text,
      ]))
    return .object([
      "metadata": .object(["resourceVersion": .string(version)]),
      "status": .object(["conditions": .array(conditions)]),
    ])
  }

  /// - Parameters:
  ///   - verb, resource: what the account would have to be allowed.
  private func refusal(
    _ answer: APIAnswer, _ verb: String, _ resource: String
  ) -> KubernetesError {
    let said = "the API server answers \(answer.code): \(answer.explanation)"
    let text =
      switch answer.code {
      case 401: "the API server does not know the credentials: \(said)"
      case 403:
        "not allowed to set the status of Trial \(trial): the service account needs a Role with the "
          + "verb \(verb) on \(resource) of the API group kubeflow.org in namespace "
          + "\(namespace); Katib makes one unless katib-config names a serviceAccountName; \(said)"
      case 404:
        "no Trial \(trial) in namespace \(namespace), or Katib is not installed there; \(said)"
      default: "setting the status of Trial \(trial) failed: \(said)"
      }
    return .refused(code: answer.code, text)
  }
}
