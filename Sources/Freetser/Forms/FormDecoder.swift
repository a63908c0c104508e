// Makes a value of names and texts: which text is which value, and what is missing.

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Decodes the names and values of a query or a form, of which all are on one level.
struct FormDecoder: Decoder {
  private let fields: [String: [String]]
  let codingPath: [any CodingKey] = []
  let userInfo: [CodingUserInfoKey: Any] = [:]

  /// - Throws: ``HTTPError``, and what the type throws that is no `DecodingError`.
  static func decode<Value: Decodable>(_ items: [(name: String, value: String)]) throws -> Value {
    let fields = Dictionary(grouping: items, by: \.name).mapValues { $0.map(\.value) }
    do {
      return try Value(from: FormDecoder(fields: fields))
    } catch let error as DecodingError {
      throw HTTPError(error)
    }
  }

  private init(fields: [String: [String]]) {
    self.fields = fields
  }

  func container<Key>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
    KeyedDecodingContainer(Fields(fields: fields))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw NotFlat() }
  func singleValueContainer() throws -> any SingleValueDecodingContainer { throw NotFlat() }

  /// What is thrown for types that no form can have: a mistake of the program, and none of the client.
  struct NotFlat: Error, CustomStringConvertible {
    var description: String {
      "forms are read as structures of texts, numbers, Bool, and optionals and arrays of them"
    }
  }
}

extension FormDecoder {
  /// All fields.
  private struct Fields<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let fields: [String: [String]]
    let codingPath: [any CodingKey] = []

    var allKeys: [Key] { fields.keys.compactMap(Key.init(stringValue:)) }

    func contains(_ key: Key) -> Bool { fields[key.stringValue] != nil }

    private func field(_ key: Key) -> Field {
      Field(key: key, values: fields[key.stringValue] ?? [])
    }

    func decodeNil(forKey key: Key) -> Bool { field(key).decodeNil() }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
      try field(key).value(type)
    }

    // The standard library has these two for decoders that do not know them.
    func decode(_ type: Int128.Type, forKey key: Key) throws -> Int128 {
      try field(key).value(type)
    }
    func decode(_ type: UInt128.Type, forKey key: Key) throws -> UInt128 {
      try field(key).value(type)
    }

    // Unlike others, a text that is empty is one.
    func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? {
      contains(key) ? try decode(type, forKey: key) : nil
    }

    func nestedContainer<NestedKey>(
      keyedBy type: NestedKey.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<NestedKey> { throw NotFlat() }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedDecodingContainer {
      field(key).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder { throw NotFlat() }
    func superDecoder(forKey key: Key) -> any Decoder { field(key) }
  }

  /// The values of one field, mostly one.
  private struct Field: Decoder, SingleValueDecodingContainer {
    let key: any CodingKey
    let values: [String]
    var codingPath: [any CodingKey] { [key] }
    let userInfo: [CodingUserInfoKey: Any] = [:]

    func container<Key>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
      throw NotFlat()
    }

    func unkeyedContainer() -> any UnkeyedDecodingContainer {
      Values(key: key, values: values)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { self }

    func decodeNil() -> Bool { values.allSatisfy(\.isEmpty) }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try value(type) }
    func decode(_ type: Int128.Type) throws -> Int128 { try value(type) }
    func decode(_ type: UInt128.Type) throws -> UInt128 { try value(type) }

    func value<Value: Decodable>(_ type: Value.Type) throws -> Value {
      guard let scalar = try scalar(type) else { return try Value(from: self) }
      guard let value = scalar as? Value else {
        preconditionFailure("a scalar is of the type that it was read as")
      }
      return value
    }

    /// A value of a type that is read from one text; `nil` for other types.
    private func scalar(_ type: any Decodable.Type) throws -> Any? {
      switch type {
      case is String.Type: try text()
      case is Bool.Type: try bool()
      case let type as any FixedWidthInteger.Type: try integer(type)
      case let type as any (BinaryFloatingPoint & LosslessStringConvertible).Type:
        try number(type)
      case is Date.Type: throw NotFlat()
      default: nil
      }
    }

    private func flaw(_ flaw: String) -> HTTPError { HTTPError(field: key.stringValue, flaw) }

    private func text() throws(HTTPError) -> String {
      guard let text = values.first else { throw flaw("is missing") }
      guard values.count == 1 else { throw flaw("is given more than once") }
      return text
    }

    private func bool() throws(HTTPError) -> Bool {
      if values.isEmpty { return false }
      switch try text() {
      case "true", "on", "1": return true
      case "false", "0": return false
      default: throw flaw("is neither true nor false")
      }
    }

    private func integer<Integer: FixedWidthInteger>(
      _ type: Integer.Type
    ) throws(HTTPError) -> Integer {
      let text = try text()
      if let integer = Integer(text) { return integer }
      let digits = text.utf8.first == UInt8(ascii: "-") ? text.utf8.dropFirst() : text.utf8[...]
      let isInteger =
        !digits.isEmpty && digits.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
      throw flaw(isInteger ? "is out of range" : "is not a whole number")
    }

    private func number<Number: BinaryFloatingPoint & LosslessStringConvertible>(
      _ type: Number.Type
    ) throws(HTTPError) -> Number {
      let text = try text()
      // Swift reads more than decimal digits with `+-.eE` among them, such as `inf`, `nan` and `0x1p3`.
      let isDecimal = text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"),
          UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"):
          true
        default: false
        }
      }
      guard isDecimal, let number = Number(text) else { throw flaw("is not a number") }
      guard number.isFinite else { throw flaw("is out of range") }
      return number
    }
  }

  /// The values of one field, each by itself.
  private struct Values: UnkeyedDecodingContainer {
    let key: any CodingKey
    let values: [String]
    private(set) var currentIndex = 0
    var codingPath: [any CodingKey] { [key] }

    init(key: any CodingKey, values: [String]) {
      self.key = key
      self.values = values
    }

    var count: Int? { values.count }
    var isAtEnd: Bool { currentIndex == values.count }

    mutating func decodeNil() -> Bool {
      guard !isAtEnd, values[currentIndex].isEmpty else { return false }
      currentIndex += 1
      return true
    }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try next(type) }
    mutating func decode(_ type: Int128.Type) throws -> Int128 { try next(type) }
    mutating func decode(_ type: UInt128.Type) throws -> UInt128 { try next(type) }

    private mutating func next<Value: Decodable>(_ type: Value.Type) throws -> Value {
      guard !isAtEnd else { throw HTTPError(field: key.stringValue, "has too few values") }
      let value = try Field(key: key, values: [values[currentIndex]]).value(type)
      currentIndex += 1
      return value
    }

    mutating func nestedContainer<NestedKey>(
      keyedBy type: NestedKey.Type
    ) throws -> KeyedDecodingContainer<NestedKey> { throw NotFlat() }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
      throw NotFlat()
    }

    mutating func superDecoder() throws -> any Decoder { throw NotFlat() }
  }
}
