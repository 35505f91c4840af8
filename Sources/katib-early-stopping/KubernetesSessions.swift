// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import AsyncHTTPClient
internal import FoundationEssentials
internal import KubernetesAPI
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

/// Opens sessions over HTTP and TLS. The I/O thread is made with the first one.
final class KubernetesSessions: Sendable {
  private let group = Mutex<MultiThreadedEventLoopGroup?>(nil)

  private func sharedGroup() -> MultiThreadedEventLoopGroup {
    group.withLock { group in
      if let group { return group }
      let made = MultiThreadedEventLoopGroup(numberOfThreads: 1)
      group = made
      return made
    }
  }
}

extension KubernetesSessions: APISessionOpening {
  func withSession<Result>(
    _ access: ClusterAccess,
    _ body: (any APISession) async throws(KubernetesError) -> Result
  ) async throws(KubernetesError) -> Result {
    let session = try KubernetesSession(access, sharedGroup())
    do throws(KubernetesError) {
      let result = try await body(session)
      try? await session.client.shutdown()
      return result
    } catch {
      try? await session.client.shutdown()
      throw error
    }
  }
}

/// A few requests to one API server, on connections that end with the session.
///
/// Nothing outlives a session: certificates, keys and tokens are read when one begins, so that
/// their rotation needs no attention, and a process that sets a status once an hour holds no
/// connection in between.
private struct KubernetesSession: APISession {
  private let access: ClusterAccess
  let client: HTTPClient
  private let base: String

  init(_ access: ClusterAccess, _ group: any EventLoopGroup) throws(KubernetesError) {
    self.access = access
    var configuration = HTTPClient.Configuration(
      redirectConfiguration: .disallow,
      timeout: .init(connect: .seconds(KubernetesLimits.connectTime.components.seconds)),
      decompression: .disabled)
    configuration.httpVersion = .http1Only
    // Trying again is decided where the deadline of the whole update is known.
    configuration.connectionPool.retryConnectionEstablishment = false
    var base = access.server
    if base.hasPrefix("https://") {
      configuration.tlsConfiguration = try KubernetesSession.tls(access)
      if let name = access.serverName, let host = URL(string: base)?.host, host != name {
        // The connection goes to the host, everything else is about the name.
        configuration.dnsOverride = [name: host]
        base = KubernetesSession.replacingHost(of: base, by: name)
      }
    }
    self.base = base
    client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
  }

  private static func replacingHost(of server: String, by name: String) -> String {
    guard var parts = URLComponents(string: server) else { return server }
    parts.host = name
    return parts.string ?? server
  }

  private static func tls(_ access: ClusterAccess) throws(KubernetesError) -> TLSConfiguration {
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.minimumTLSVersion = .tlsv12
    // The session waits for it, and a server that has stalled says no goodbye.
    tls.shutdownTimeout = .milliseconds(100)
    if access.acceptsAnyCertificate { tls.certificateVerification = .none }
    if let authority = access.authority {
      let what = "the certificate authority"
      let bytes = try authority.read(what)
      guard let certificates = try? NIOSSLCertificate.fromPEMBytes(bytes), !certificates.isEmpty
      else {
        throw .configuration("\(what) holds no certificate in PEM form\(authority.place)")
      }
      tls.trustRoots = .certificates(certificates)
    }
    if let own = access.clientCertificate {
      let chain = try own.chain.read("the client certificate")
      let key = try own.key.read("the client key")
      guard let certificates = try? NIOSSLCertificate.fromPEMBytes(chain), !certificates.isEmpty,
        let privateKey = try? NIOSSLPrivateKey(bytes: key, format: .pem)
      else {
        throw .configuration("the client certificate or its key is not in PEM form")
      }
      tls.certificateChain = certificates.map { .certificate($0) }
      tls.privateKey = .privateKey(privateKey)
    }
    return tls
  }

  func send(_ request: APIRequest) async throws(KubernetesError) -> APIAnswer {
    var message = HTTPClientRequest(url: base + request.path)
    message.method = HTTPMethod(rawValue: request.method)
    message.headers.add(name: "Accept", value: "application/json")
    message.headers.add(name: "User-Agent", value: "katib-early-stopping")
    if let token = try access.token?.readText("the token") {
      guard token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
        throw .configuration("the token has characters that no token has")
      }
      message.headers.add(name: "Authorization", value: "Bearer " + token)
    }
    if !request.body.isEmpty {
      message.headers.add(name: "Content-Type", value: request.contentType)
      message.body = .bytes(request.body)
    }
    do {
      return try await answer(to: message, until: request.deadline)
    } catch {
      throw KubernetesError(error, "\(request.method) \(access.server)\(request.path)")
    }
  }

  /// What surprises: the deadline that AsyncHTTPClient takes ends with the head of the answer. A body
  /// of which nothing more comes would hold the call, and its worker, for ever.
  private func answer(
    to message: HTTPClientRequest, until deadline: ContinuousClock.Instant
  ) async throws -> APIAnswer {
    let left = ContinuousClock.now.duration(to: deadline) / .nanoseconds(1)
    let headDeadline = NIODeadline.now() + .nanoseconds(Int64(max(0, left)))
    return try await withThrowingTaskGroup(of: APIAnswer?.self) { group in
      group.addTask { [client] in
        let response = try await client.execute(message, deadline: headDeadline)
        let bytes = try await response.body.collect(upTo: KubernetesLimits.answerBytes)
        return APIAnswer(code: Int(response.status.code), body: Array(bytes.readableBytesView))
      }
      group.addTask {
        try await Task.sleep(until: deadline, clock: .continuous)
        return nil
      }
      defer { group.cancelAll() }
      guard let first = try await group.next(), let answer = first else {
        throw HTTPClientError.readTimeout
      }
      return answer
    }
  }
}

extension KubernetesError {
  /// What a failure of the HTTP client means.
  fileprivate init(_ error: any Error, _ request: String) {
    switch error {
    case let error as KubernetesError:
      self = error
    case let error as HTTPClientError where KubernetesError.timeouts.contains(error):
      self = .timeout("\(request): no answer in time (\(error.shortDescription))")
    case let error as NIOSSLError where error.isClosure:
      // A load balancer without a healthy API server behind it accepts and closes.
      self = .unreachable("\(request): the connection was closed during TLS: \(error)")
    case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
      self = .untrusted(
        "\(request): TLS failed, the server's certificate may not be signed by the configured "
          + "authority or be for another name: \(error)")
    case is NIOTooManyBytesError:
      self = .unreadable("\(request): the answer is too long")
    case is CancellationError:
      self = .timeout("\(request): the caller is gone")
    default:
      self = .unreachable("\(request): \(error)")
    }
  }

  private static let timeouts: [HTTPClientError] = [
    .connectTimeout, .deadlineExceeded, .readTimeout, .writeTimeout, .tlsHandshakeTimeout,
    .getConnectionFromPoolTimeout, .cancelled,
  ]
}

extension NIOSSLError {
  /// Whether the other side has gone, which says nothing of certificates.
  fileprivate var isClosure: Bool {
    switch self {
    case .handshakeFailed(.sslError(let errors)): errors.contains(.eofDuringHandshake)
    case .uncleanShutdown: true
    default: false
    }
  }
}
