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
  fileprivate let index: DescriptorIndex
  fileprivate let services: [String]
  fileprivate let budget: MemoryBudget
  fileprivate let arenas: ArenaPool

  /// - Parameters:
  ///   - services: the full names to list.
  ///   - budget: the process-wide memory budget.
  public init(index: DescriptorIndex, services: [String], budget: MemoryBudget) {
    self.index = index
    self.services = services
    self.budget = budget
    arenas = ArenaPool(
      budget: ArenaBudget(reserve: { budget.reserve($0) }, release: { budget.release($0) }))
  }

  /// The names under which reflection itself is served.
  public static let serviceNames = [
    "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
  ]

  public func register(in router: inout Router) {
    for name in ReflectionService.serviceNames {
      router.streaming(
        "/\(name)/ServerReflectionInfo",
        traits: MethodTraits(messageBytes: ServiceLimits.nameRequestBytes)
      ) { context, writer in
        ReflectionStream(service: self, context: context, writer: writer)
      }
    }
  }
}

private struct ReflectionStream: StreamHandler {
  let service: ReflectionService
  let context: CallContext
  let writer: ResponseWriter

  func receive(_ message: ReceivedMessage) {
    do {
      let request = try message.withUnsafeBytes {
        try ReflectionRequest(decoding: $0, using: service.arenas)
      }
      let response = ReflectionResponse(to: request, answer(request.question))
      writer.send(
        try OutgoingMessage(
          response, using: service.arenas, budget: service.budget, for: context))
    } catch {
      writer.finish(ErrorStatus.status(of: error))
    }
  }

  func halfClosed() { writer.finish(Status(.ok)) }

  /// Every question so far has its answer, and the next one may never come.
  func draining() { writer.finish(Status(.unavailable, "the server is shutting down")) }

  func closed() {}

  private func answer(_ question: ReflectionRequest.Question) -> ReflectionResponse.Answer {
    switch question {
    case .fileByName(let name):
      return files(service.index.file(named: name), "no file is called \"\(name)\"")
    case .fileContainingSymbol(let symbol):
      return files(service.index.file(declaring: symbol), "no file declares \"\(symbol)\"")
    case .listServices:
      return .services(service.services)
    case .allExtensionNumbers(let type) where service.index.isMessage(type):
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
    return .files(service.index.closure(of: file).map(\.bytes))
  }

  private func error(_ code: StatusCode, _ message: String) -> ReflectionResponse.Answer {
    .error(code: code.rawValue, message: Quoted.shortened(message))
  }
}
