// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import CKatibProto
import Testing

@testable import KatibAPI

@Suite struct WireScannerTests {
  typealias Descriptor = WireScanner.Descriptor

  private func scan(_ bytes: [UInt8], as descriptor: Descriptor) throws -> Bool {
    try bytes.withUnsafeBufferPointer { try WireScanner.scan($0, as: descriptor) }
  }

  private func cleaned(_ bytes: [UInt8], as descriptor: Descriptor) throws -> [UInt8] {
    var target = [UInt8](repeating: 0xaa, count: bytes.count)
    let count = try bytes.withUnsafeBufferPointer { source in
      try target.withUnsafeMutableBufferPointer { target in
        guard let start = target.baseAddress else { return 0 }
        return try WireScanner.copyKnownFields(of: source, as: descriptor, to: start)
      }
    }
    return Array(target.prefix(count))
  }

  /// Every string field that can be reached from a message, as a list of field numbers.
  private func stringFields(of message: Descriptor) -> [(path: [UInt32], name: String)] {
    var found: [(path: [UInt32], name: String)] = []
    for i in 0..<Int(message.pointee.n_fields) {
      let field = message.pointee.fields[i]
      let isRepeated = field.label == PROTOBUF_C_LABEL_REPEATED
      let name = String(cString: field.name) + (isRepeated ? "[0]" : "")
      if field.type == PROTOBUF_C_TYPE_STRING {
        found.append(([field.id], name))
      } else if field.type == PROTOBUF_C_TYPE_MESSAGE, let inner = field.descriptor {
        let inner = inner.assumingMemoryBound(to: ProtobufCMessageDescriptor.self)
        for (path, tail) in stringFields(of: inner) {
          found.append(([field.id] + path, name + "." + tail))
        }
      }
    }
    return found
  }

  @Test func everyStringFieldRefusesBadTextByItsPath() throws {
    let request = C.GetSuggestionsRequest.descriptor
    let fields = stringFields(of: request)
    #expect(fields.count == 31)
    for (path, name) in fields {
      let inner = Array(path.dropLast())
      let last = try #require(path.last)
      let good = Wire.nested(inner, Wire.text(last, "grün"))
      #expect(try scan(good, as: request), "\(name)")
      for (bad, word) in [([0xff], "UTF-8"), ([0x61, 0x00, 0x62], "NUL")] as [([UInt8], String)] {
        let bytes = Wire.nested(inner, Wire.payload(last, bad))
        let fault = #expect(throws: WireFault.self) { try scan(bytes, as: request) }
        #expect(fault?.path == name)
        #expect(fault?.problem.contains(word) == true)
      }
    }
  }

  @Test func pathsCountRepeatedElements() {
    let trial = { (name: [UInt8]) in Wire.payload(2, Wire.payload(1, name)) }
    let bytes =
      trial([0x61]) + Wire.number(4, 1) + trial([0x62]) + Wire.text(1, "") + trial([0xff])
    let fault = #expect(throws: WireFault.self) {
      try scan(bytes, as: C.GetSuggestionsRequest.descriptor)
    }
    #expect(fault?.error == .malformed("trials[2].name: text that is not valid UTF-8"))
  }

  @Test func unknownFieldsAndOtherWireTypesAreLeftOut() throws {
    let metric = C.Metric.descriptor
    let good = Wire.text(1, "loss") + Wire.text(2, "0.5")
    let group = Wire.tag(77, 3) + Wire.number(1, 1) + Wire.tag(77, 4)
    let strange: [[UInt8]] = [
      Wire.number(1, 7),  // a string field as a varint
      Wire.tag(2, 5) + [1, 2, 3, 4],  // as a fixed32
      Wire.tag(2, 1) + [1, 2, 3, 4, 5, 6, 7, 8],  // as a fixed64
      Wire.tag(1, 3) + Wire.tag(1, 4),  // as a group
      Wire.text(3, "from a newer Katib"), group,
    ]
    for extra in strange {
      for bytes in [extra + good, good + extra] {
        #expect(try !scan(bytes, as: metric))
        #expect(try cleaned(bytes, as: metric) == good)
      }
    }
    #expect(try scan(good, as: metric))
  }

  @Test func lengthsShrinkWithWhatIsLeftOut() throws {
    // 200 unknown bytes three levels down: the lengths around them take two bytes before and
    // one after.
    let junk = Wire.payload(15, [UInt8](repeating: 1, count: 200))
    let name = Wire.text(1, "x")
    let metrics = { (inner: [UInt8]) in Wire.nested([3, 4, 1], inner) }
    let bytes = Wire.text(1, "t") + metrics(junk + name) + junk
    #expect(try cleaned(bytes, as: C.Trial.descriptor) == Wire.text(1, "t") + metrics(name))
  }

  @Test func numbersMayComePackedOrNot() throws {
    let graph = C.GraphConfig.descriptor
    #expect(try scan(Wire.payload(2, [1, 2, 0xac, 0x02]), as: graph))
    #expect(try scan(Wire.number(2, 1) + Wire.number(2, 300), as: graph))
    #expect(throws: WireFault.self) { try scan(Wire.payload(2, [1, 0x80]), as: graph) }
    // A single number is never packed.
    #expect(try !scan(Wire.payload(1, [1]), as: graph))
  }

  @Test func refusesCutAndOverlongInput() {
    let request = C.GetSuggestionsRequest.descriptor
    let whole = Wire.nested([1, 2, 1, 1, 3, 3], Array("value".utf8))
    for length in 1..<whole.count {
      #expect(throws: WireFault.self, "\(length) bytes") {
        try scan(Array(whole.prefix(length)), as: request)
      }
    }
  }
}
