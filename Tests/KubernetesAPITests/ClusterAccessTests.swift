// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import KubernetesAPI

@Suite struct ClusterAccessTests {
  private let folder = TemporaryFolder()

  private func source(
    _ variables: [String: String], explicit: String? = nil, kubeconfig: String? = nil,
    namespace: String? = nil
  ) -> ClusterAccessSource {
    ClusterAccessSource(
      explicitKubeconfig: explicit, kubeconfig: kubeconfig, serviceAccount: folder.path,
      namespace: namespace, variable: { variables[$0] })
  }

  private static let inside = [
    "KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "6443",
  ]

  private func kubeconfig() -> String {
    folder.write(
      "config",
      """
      current-context: c
      contexts: [{name: c, context: {cluster: k, namespace: n}}]
      clusters: [{name: k, cluster: {server: "http://here"}}]
      """)
  }

  @Test func insideAClusterTheServiceAccountCounts() throws {
    folder.write("namespace", "team\n")
    let access = try source(ClusterAccessTests.inside, kubeconfig: kubeconfig()).access()
    #expect(
      access
        == ClusterAccess(
          server: "https://10.96.0.1:6443", authority: .file(folder.path + "/ca.crt"),
          token: .file(folder.path + "/token"), namespace: "team"))
  }

  @Test func addressesOfBothKindsMakeURLs() throws {
    let six = try source(["KUBERNETES_SERVICE_HOST": "fd00::1"], namespace: "mine").access()
    #expect(six.server == "https://[fd00::1]:443")
    #expect(six.namespace == "mine")
  }

  /// "default" was taken where the file was missing: a Trial of the same name there was stopped.
  @Test(arguments: [nil, "", " \n"])
  func theNamespaceIsNotGuessed(text: String?) throws {
    if let text { folder.write("namespace", text) }
    do throws(KubernetesError) {
      let access = try source(ClusterAccessTests.inside).access()
      Issue.record("took \(access.namespace)")
    } catch {
      #expect(error.text.contains("the pod's namespace"), "\(error.text)")
      #expect(error.text.contains(folder.path + "/namespace"), "\(error.text)")
      // An account without a token has no namespace file either; an empty file has another reason.
      #expect(error.text.contains("automountServiceAccountToken") == (text == nil), "\(error.text)")
    }
  }

  @Test func outsideAKubeconfigCounts() throws {
    #expect(try source([:], kubeconfig: kubeconfig()).access().server == "http://here")
    #expect(try source([:], kubeconfig: kubeconfig()).access().namespace == "n")
  }

  @Test func whatIsNamedExplicitlyWins() throws {
    let access = try source(ClusterAccessTests.inside, explicit: kubeconfig(), namespace: "mine")
      .access()
    #expect(access.server == "http://here")
    #expect(access.namespace == "mine")
  }

  @Test func withoutEitherThereIsNoCluster() {
    do throws(KubernetesError) {
      _ = try source([:]).access()
      Issue.record("found a cluster")
    } catch {
      guard case .noCluster = error else {
        Issue.record("\(error)")
        return
      }
      #expect(error.text.contains("KUBECONFIG"))
    }
  }

  @Test func filesAreReadEachTime() throws {
    let token = Material.file(folder.write("token", "one\n"))
    #expect(try token.readText("the token") == "one")
    folder.write("token", " two ")
    #expect(try token.readText("the token") == "two")
    folder.write("token", "\n")
    #expect(throws: KubernetesError.self) { try token.readText("the token") }
    folder.write("token", String(repeating: "x", count: 100_000))
    #expect(try token.read("the token").count == 100_000)
    folder.write("token", String(repeating: "x", count: 2_000_000))
    #expect(throws: KubernetesError.self) { try token.read("the token") }
  }
}
