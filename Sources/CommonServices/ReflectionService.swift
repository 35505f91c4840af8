// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel
public import GRPC
public import KatibAPI

/// `grpc.reflection.v1.ServerReflection` and its v1alpha twin: how grpcurl lists, describes and
/// calls services without a .proto file.
///
/// The two protocols differ in nothing but their package. Each request of a stream is answered when
/// it arrives, errors inside the message, on the I/O thread.
public struct ReflectionService: Sendable {
  private let index: DescriptorIndex
  private let services: [String]
  private let arenas = ArenaPool()

  /// - Parameter services: the full names to list.
  public init(index: DescriptorIndex, services: [String]) {
    self.index = index
    self.services = services
  }

  /// The names under which reflection itself is served.
  public static let serviceNames = [
    "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
  ]

  public func register(in router: inout Router) {
    for name in ReflectionService.serviceNames {
      router.streaming("/\(name)/ServerReflectionInfo") { _, writer in
        ReflectionStream(index: index, services: services, arenas: arenas, writer: writer)
      }
    }
  }
}

private struct ReflectionStream: StreamHandler {
  let index: DescriptorIndex
  let services: [String]
  let arenas: ArenaPool
  let writer: ResponseWriter

  func receive(_ message: ReceivedMessage) {
    do {
      let request = try message.withUnsafeBytes {
        try ReflectionRequest(decoding: $0, using: arenas)
      }
      let response = ReflectionResponse(to: request, answer(request.question))
      writer.send(try OutgoingMessage(response, using: arenas))
    } catch {
      writer.finish(ErrorStatus.status(of: error))
    }
  }

  func halfClosed() { writer.finish(Status(.ok)) }

  func closed() {}

  private func answer(_ question: ReflectionRequest.Question) -> ReflectionResponse.Answer {
    switch question {
    case .fileByName(let name):
      return files(index.file(named: name), "no file is called \"\(name)\"")
    case .fileContainingSymbol(let symbol):
      return files(index.file(declaring: symbol), "no file declares \"\(symbol)\"")
    case .listServices:
      return .services(services)
    case .allExtensionNumbers(let type) where index.isMessage(type):
      return .extensionNumbers(type: type, [])
    case .allExtensionNumbers(let type):
      return error(.notFound, "no message is called \"\(type)\"")
    case .fileContainingExtension(let type, let number):
      return error(.notFound, "\"\(type)\" has no extension \(number)")
    case .none:
      return error(.invalidArgument, "the request asks nothing that this server knows")
    }
  }

  private func files(
    _ file: DescriptorIndex.File?, _ absence: String
  ) -> ReflectionResponse.Answer {
    guard let file else { return error(.notFound, absence) }
    return .files(index.closure(of: file).map(\.bytes))
  }

  private func error(_ code: StatusCode, _ message: String) -> ReflectionResponse.Answer {
    .error(code: code.rawValue, message: Quoted.shortened(message))
  }
}
