// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import KubernetesAPI

@Suite struct KubeconfigTests {
  private let folder = TemporaryFolder()

  private static let plain = """
    apiVersion: v1
    kind: Config
    current-context: dev
    contexts:
    - name: dev
      context: {cluster: here, user: me, namespace: team}
    - name: other
      context: {cluster: there, user: nobody}
    clusters:
    - name: here
      cluster: {server: "https://10.0.0.1:6443/", certificate-authority: ca.crt}
    - name: there
      cluster: {server: "http://127.0.0.1:8001"}
    users:
    - name: me
      user: {token: secret}
    - name: nobody
      user: {}
    """

  private func access(_ text: String) throws(KubernetesError) -> ClusterAccess {
    try Kubeconfig(paths: folder.write("config", text)).access()
  }

  private func problem(_ text: String) -> String {
    do throws(KubernetesError) {
      return "accepted: \(try access(text))"
    } catch {
      guard case .configuration(let problem) = error else { return "\(error)" }
      return problem
    }
  }

  @Test func currentContextSaysWhereAndWho() throws {
    #expect(
      try access(KubeconfigTests.plain)
        == ClusterAccess(
          server: "https://10.0.0.1:6443", authority: .file(folder.path + "/ca.crt"),
          token: .bytes(Array("secret".utf8)), namespace: "team"))
  }

  @Test func aPlainServerNeedsNothing() throws {
    let text = KubeconfigTests.plain.replacing(
      "current-context: dev", with: "current-context: other")
    #expect(
      try access(text) == ClusterAccess(server: "http://127.0.0.1:8001", namespace: "default"))
  }

  @Test func everyWayToAuthenticateIsRead() throws {
    func user(_ text: String) -> String {
      KubeconfigTests.plain.replacing("user: {token: secret}", with: "user: {\(text)}")
    }
    #expect(try access(user("tokenFile: token, token: x")).token == .file(folder.path + "/token"))
    #expect(try access(user("tokenFile: /run/token")).token == .file("/run/token"))
    let files = try access(user("client-certificate: a.crt, client-key: /b.key"))
    #expect(files.clientCertificate?.chain == .file(folder.path + "/a.crt"))
    #expect(files.clientCertificate?.key == .file("/b.key"))
    let data = try access(
      user("client-certificate-data: Zm9v, client-key-data: YmFy, client-key: ignored"))
    #expect(data.clientCertificate?.chain == .bytes(Array("foo".utf8)))
    #expect(data.clientCertificate?.key == .bytes(Array("bar".utf8)))
  }

  @Test func everyWayToTrustIsRead() throws {
    func cluster(_ text: String) -> String {
      KubeconfigTests.plain.replacing("certificate-authority: ca.crt", with: text)
    }
    #expect(
      try access(cluster("certificate-authority-data: Zm9v")).authority
        == .bytes(Array("foo".utf8)))
    let insecure = try access(cluster("insecure-skip-tls-verify: true"))
    #expect(insecure.acceptsAnyCertificate && insecure.authority == nil)
    #expect(try !access(cluster("insecure-skip-tls-verify: false")).acceptsAnyCertificate)
    #expect(try access(cluster("tls-server-name: api.example")).serverName == "api.example")
  }

  @Test func ofSeveralFilesTheFirstWins() throws {
    let first = folder.write(
      "first",
      """
      users: [{name: me, user: {token: first}}]
      contexts: [{name: dev, context: {cluster: here, user: me}}]
      """)
    let second = folder.write("second", KubeconfigTests.plain)
    let access = try Kubeconfig(paths: "\(folder.path)/absent:\(first):\(second)").access()
    #expect(access.token == .bytes(Array("first".utf8)))
    #expect(access.namespace == "default")
    #expect(access.server == "https://10.0.0.1:6443")
  }

  @Test(arguments: [
    ("current-context: dev", "", "no current-context"),
    ("current-context: dev", "current-context: gone", "no context \"gone\""),
    ("cluster: here, user: me", "cluster: gone, user: me", "no cluster"),
    ("cluster: here, user: me", "cluster: here, user: gone", "no user \"gone\""),
    ("https://10", "10", "no server with"), ("{token: secret}", "{exec: {command: aws}}", "exec"),
    ("{token: secret}", "{client-certificate: a}", "only one of"),
    ("certificate-authority: ca.crt", "certificate-authority-data: '%'", "no base64"),
    ("users:", "users: ]", "line"),
  ])
  func problemsAreNamed(old: String, new: String, message: String) {
    #expect(problem(KubeconfigTests.plain.replacing(old, with: new)).contains(message))
  }

  @Test func aFileThatIsNotThereIsNamed() {
    do throws(KubernetesError) {
      _ = try Kubeconfig(paths: folder.path + "/absent")
      Issue.record("accepted")
    } catch {
      #expect(error.text.contains(folder.path + "/absent"))
    }
  }
}
