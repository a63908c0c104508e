// What can be fuzzed. The unit tests replay the corpus through the same checks.

/// What a fuzzer feeds its input to.
package enum FuzzTarget: String, CaseIterable, Sendable {
  /// A server reads any bytes.
  case server
  /// A client reads any bytes as the response to a request that the first byte chooses.
  case client
  /// The bytes say what two ends send to each other, and how it is cut on the way.
  case conversation
  /// The same bytes come whole, in pieces and byte by byte.
  case splits

  /// - Throws: ``Finding`` if HTTPCore did with these bytes what it never should.
  package func check(_ input: [UInt8]) throws(Finding) {
    switch self {
    case .server: try checkServer(input)
    case .client: try checkClient(input)
    case .conversation: try checkConversation(input)
    case .splits: try checkSplits(input)
    }
  }
}
