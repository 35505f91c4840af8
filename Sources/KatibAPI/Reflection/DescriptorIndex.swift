// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CKatibProto

/// Which file of `proto/` declares which name, for server reflection.
///
/// protobuf-c keeps no file descriptors, so the set that protoc wrote is embedded beside the
/// generated code. It is a protobuf message too: this reads the handful of fields it needs by
/// hand (descriptor.proto gives the numbers), once, at start-up.
public struct DescriptorIndex: Sendable {
  /// One file, as reflection hands it out.
  public struct File: Sendable, Equatable {
    public let name: String
    /// The serialised FileDescriptorProto.
    public let bytes: [UInt8]
    /// The names of the files it imports.
    public let imports: [String]
  }

  public let files: [File]
  /// Full names of all services, in the order of their declaration.
  public let services: [String]
  private var fileOfName: [String: Int] = [:]
  private var fileOfSymbol: [String: Int] = [:]
  private var messages: Set<String> = []

  /// The files that this program was built with.
  public static let builtIn: DescriptorIndex = {
    var size = 0
    let bytes = UnsafeRawBufferPointer(start: katib_descriptor_set(&size), count: size)
    // The set is a constant of the program, and a test decodes it.
    return (try? DescriptorIndex(descriptorSet: bytes)) ?? DescriptorIndex()
  }()

  private init() {
    files = []
    services = []
  }

  /// - Parameter descriptorSet: a serialised google.protobuf.FileDescriptorSet.
  public init(descriptorSet: UnsafeRawBufferPointer) throws(WireError) {
    do throws(WireFault) {
      var files: [File] = []
      var symbols: [SymbolScan] = []
      try fields(of: descriptorSet.bindMemory(to: UInt8.self)) { field, file throws(WireFault) in
        guard field == 1 else { return }
        let scan = try SymbolScan(file: file)
        files.append(File(name: scan.name, bytes: Array(file), imports: scan.imports))
        symbols.append(scan)
      }
      self.files = files
      services = symbols.flatMap(\.services)
      for (i, scan) in symbols.enumerated() {
        fileOfName[scan.name] = i
        for symbol in scan.symbols { fileOfSymbol[symbol] = i }
        messages.formUnion(scan.messages)
      }
    } catch {
      throw error.inside("descriptor set").error
    }
  }

  /// The file called `name`, as imports spell it.
  public func file(named name: String) -> File? {
    fileOfName[name].map { files[$0] }
  }

  /// The file that declares a package member by its full name: a service, method, message, field,
  /// enumeration or enumeration value.
  public func file(declaring symbol: String) -> File? {
    fileOfSymbol[symbol].map { files[$0] }
  }

  /// A file with everything it imports, directly or not: the file itself first, each file once.
  public func closure(of file: File) -> [File] {
    var found = [file]
    var next = 0
    while next < found.count {
      for name in found[next].imports where !found.contains(where: { $0.name == name }) {
        if let imported = self.file(named: name) { found.append(imported) }
      }
      next += 1
    }
    return found
  }

  public func isMessage(_ name: String) -> Bool { messages.contains(name) }
}

/// The names that one FileDescriptorProto declares.
private struct SymbolScan {
  var name = ""
  var imports: [String] = []
  var symbols: [String] = []
  var services: [String] = []
  var messages: [String] = []

  init(file: WireScanner.Bytes) throws(WireFault) {
    var package = ""
    try fields(of: file) { field, value throws(WireFault) in
      switch field {
      case 1: name = text(value)
      case 2: package = text(value)
      case 3: imports.append(text(value))
      default: break
      }
    }
    try fields(of: file) { field, value throws(WireFault) in
      switch field {
      case 4: try addMessage(value, in: package)
      case 5: try addEnumeration(value, in: package)
      case 6: try addService(value, in: package)
      default: break
      }
    }
  }

  private mutating func addMessage(_ bytes: WireScanner.Bytes, in scope: String) throws(WireFault) {
    let full = try declare(bytes, in: scope)
    messages.append(full)
    try fields(of: bytes) { field, value throws(WireFault) in
      switch field {
      case 2, 8: _ = try declare(value, in: full)  // field, oneof
      case 3: try addMessage(value, in: full)
      case 4: try addEnumeration(value, in: full)
      default: break
      }
    }
  }

  private mutating func addEnumeration(
    _ bytes: WireScanner.Bytes, in scope: String
  ) throws(WireFault) {
    _ = try declare(bytes, in: scope)
    try fields(of: bytes) { field, value throws(WireFault) in
      // Values belong to the scope around the enumeration, as in C++.
      if field == 2 { _ = try declare(value, in: scope) }
    }
  }

  private mutating func addService(_ bytes: WireScanner.Bytes, in scope: String) throws(WireFault) {
    let full = try declare(bytes, in: scope)
    services.append(full)
    try fields(of: bytes) { field, value throws(WireFault) in
      if field == 2 { _ = try declare(value, in: full) }
    }
  }

  /// Every descriptor has its name in field 1.
  private mutating func declare(
    _ bytes: WireScanner.Bytes, in scope: String
  ) throws(WireFault) -> String {
    var own = ""
    try fields(of: bytes) { field, value throws(WireFault) in
      if field == 1 { own = text(value) }
    }
    let full = scope.isEmpty ? own : scope + "." + own
    symbols.append(full)
    return full
  }
}

private func text(_ bytes: WireScanner.Bytes) -> String { String(decoding: bytes, as: UTF8.self) }

/// Calls `body` with every length-delimited field.
private func fields(
  of bytes: WireScanner.Bytes, _ body: (UInt32, WireScanner.Bytes) throws(WireFault) -> Void
) throws(WireFault) {
  var cursor = WireCursor(bytes)
  while !cursor.isAtEnd {
    let (field, type) = try cursor.tag()
    if type == .lengthDelimited {
      try body(field, cursor.payload())
    } else {
      try cursor.skip(field: field, type)
    }
  }
}
