// swift-tools-version: 6.2
// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0
//
// The map of the house: one row per module, arrows one way. docs/ARCHITECTURE.md tells the story.

import PackageDescription

// MARK: - Vocabulary

/// Swift 6 language mode, warnings as errors and explicit import visibility, in every target alike.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// Links a Debian archive by its file name, so that the binary needs no shared library at run time.
func archive(_ name: String) -> LinkerSetting { .linkedLibrary(":lib\(name).a") }

/// A fully static executable: it starts in a few milliseconds and runs from an empty image.
///
/// The archives are what FoundationEssentials needs; its autolink entries name them
/// only where every object was compiled for static linking, and the tests want the opposite. lld
/// resolves archives in any order.
let fullyStatic: [LinkerSetting] = [
  .unsafeFlags(["-static-executable", "-use-ld=lld", "-Xlinker", "--gc-sections"]),
  .linkedLibrary("_FoundationCollections"), .linkedLibrary("_FoundationCShims"),
  .linkedLibrary("swiftSynchronization"),
]

/// OpenBLAS, the serial build, by the path of its own archive: the plain name resolves to whichever
/// BLAS the Debian alternatives point at, often the threaded one. docs/lapack.md has the figures
/// behind the choice.
#if arch(arm64)
  let openBLAS = "/usr/lib/aarch64-linux-gnu/openblas-serial/libopenblas.a"
#else
  let openBLAS = "/usr/lib/x86_64-linux-gnu/openblas-serial/libopenblas.a"
#endif
/// OpenBLAS carries every kernel once for each of 19 kinds of x86-64 CPU and picks a set at the
/// first call. Three sets are kept: for SSE3, AVX2 and AVX-512; the other kinds take the best of
/// these that they can run. That is 17 MB less to ship and to map.
#if arch(arm64)
  let fewerKernels: [LinkerSetting] = []
#else
  let fewerKernels: [LinkerSetting] = [
    .unsafeFlags(
      [
        "PRESCOTT": [
          "ATOM", "BARCELONA", "BOBCAT", "BULLDOZER", "CORE2", "DUNNINGTON", "NANO", "NEHALEM",
          "OPTERON", "OPTERON_SSE3", "PENRYN", "PILEDRIVER", "SANDYBRIDGE", "STEAMROLLER",
        ],
        "HASWELL": ["EXCAVATOR", "ZEN"],
        "SKYLAKEX": ["COOPERLAKE"],
      ].sorted { $0.key < $1.key }.flatMap { kept, others in
        others.flatMap { ["-Xlinker", "--defsym=gotoblas_\($0)=gotoblas_\(kept)"] }
      })
  ]
#endif
let lapack: [LinkerSetting] = [.unsafeFlags([openBLAS]), .linkedLibrary("m")]

func module(
  _ name: String, _ dependencies: [Target.Dependency] = [], link: [LinkerSetting] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies, swiftSettings: strict, linkerSettings: link)
}

func command(
  _ name: String, _ dependencies: [Target.Dependency], link: [LinkerSetting] = []
) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies, swiftSettings: strict,
    linkerSettings: fullyStatic + link)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name + "Tests", dependencies: dependencies, swiftSettings: strict)
}

// MARK: - What others wrote

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
/// Its dependency on swift-algorithms has a module with our name; ours keeps it.
let httpClient = Target.Dependency.product(
  name: "AsyncHTTPClient", package: "async-http-client",
  moduleAliases: ["Algorithms": "SwiftAlgorithms"])
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
/// The histogram's own dependency is called Numerics too; ours keeps the name.
let histogram = Target.Dependency.product(
  name: "Histogram", package: "hdrhistogram-swift", moduleAliases: ["Numerics": "SwiftNumerics"])

let package = Package(
  name: "katib-suggestion",
  products: [
    .executable(name: "katib-suggestion", targets: ["katib-suggestion"]),
    .executable(name: "katib-early-stopping", targets: ["katib-early-stopping"]),
    .executable(name: "katib-load", targets: ["katib-load"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio.git", exact: "2.101.2"),
    .package(url: "https://github.com/apple/swift-log.git", exact: "1.16.2"),
    .package(url: "https://github.com/apple/swift-argument-parser.git", exact: "1.8.2"),
    .package(url: "https://github.com/swift-server/async-http-client.git", exact: "1.37.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl.git", exact: "2.37.6"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift.git", exact: "0.2.0"),
  ],
  targets: [
    // C, wrapped once.
    .systemLibrary(name: "CNghttp2"),
    .systemLibrary(name: "CZlib"),
    .systemLibrary(name: "CLAPACK"),
    .systemLibrary(name: "CYAML"),
    .systemLibrary(name: "CLinux"),
    .target(name: "CKatibProto", linkerSettings: [archive("protobuf-c")]),

    // Leaves: they import none of ours.
    module("Numerics", ["CLAPACK"], link: lapack),
    module("ExperimentModel"),

    // Siblings that do not know each other.
    module("Algorithms", ["ExperimentModel", "Numerics"]),
    module("KatibAPI", ["CKatibProto", "ExperimentModel"]),
    module(
      "GRPC", ["CLinux", "CNghttp2", "CZlib", nioCore, nioPosix],
      link: [archive("nghttp2"), archive("z")]),

    // The Kubernetes API: what to ask and what the answers mean. HTTP and TLS stay out of it.
    module("KubernetesAPI", ["CYAML"], link: [archive("yaml")]),

    // What each RPC does; what every server does.
    module("CommonServices", ["ExperimentModel", "GRPC", "KatibAPI", logging]),
    module(
      "SuggestionServices",
      ["Algorithms", "CLinux", "CommonServices", "ExperimentModel", "GRPC", "KatibAPI", logging]),
    module(
      "EarlyStoppingServices",
      ["CommonServices", "ExperimentModel", "GRPC", "KatibAPI", "KubernetesAPI", logging]),
    module("ServerOptions", ["CommonServices", "GRPC", arguments, logging]),

    // Options, wiring, exit codes: nothing else.
    command(
      "katib-suggestion",
      [
        "Algorithms", "CommonServices", "GRPC", "ServerOptions", "SuggestionServices", arguments,
      ],
      link: fewerKernels),
    // The HTTP client hangs here and not on a module of ours: SwiftPM carries the alias of its
    // Algorithms into whatever depends on such a module, the tests of our own Algorithms included.
    command(
      "katib-early-stopping",
      [
        "CommonServices", "EarlyStoppingServices", "GRPC", "KubernetesAPI", "ServerOptions",
        arguments, httpClient, nioCore, nioHTTP1, nioPosix, nioSSL,
      ]),
    command("katib-load", ["ExperimentModel", "GRPC", "KatibAPI", arguments, histogram]),

    // Tests repeat the sources' paths.
    .target(
      name: "TestSupport", dependencies: ["Algorithms", "ExperimentModel", "Numerics"],
      path: "Tests/TestSupport", swiftSettings: strict),
    tests("Numerics", ["Numerics"]),
    tests("ExperimentModel", ["ExperimentModel", "Numerics", "TestSupport"]),
    tests("Algorithms", ["Algorithms", "ExperimentModel", "Numerics", "TestSupport"]),
    tests("GRPC", ["CNghttp2", "GRPC"]),
    tests("KatibAPI", ["CKatibProto", "ExperimentModel", "KatibAPI"]),
    tests(
      "CommonServices",
      ["CommonServices", "ExperimentModel", "GRPC", "KatibAPI", "TestSupport", logging]),
    tests("ServerOptions", ["GRPC", "ServerOptions", arguments]),
    tests(
      "SuggestionServices",
      [
        "Algorithms", "CommonServices", "ExperimentModel", "GRPC", "KatibAPI",
        "SuggestionServices", "TestSupport", logging,
      ]),
    tests("KubernetesAPI", ["KubernetesAPI"]),
    tests(
      "EarlyStoppingServices",
      [
        "CommonServices", "EarlyStoppingServices", "ExperimentModel", "GRPC", "KatibAPI",
        "KubernetesAPI", logging,
      ]),
  ]
)
