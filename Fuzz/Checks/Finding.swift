// How a check says that an input broke a rule.

import HTTPCore

/// A rule that HTTPCore broke, in words. The unit tests record it; the fuzzers stop at it.
package struct Finding: Error, CustomStringConvertible {
  package let description: String

  init(_ rule: String, file: StaticString, line: UInt) {
    description = "\(file):\(line): broken: \(rule)"
  }
}

/// Throws a ``Finding`` unless `holds`.
func expect(
  _ holds: Bool, _ rule: @autoclosure () -> String, file: StaticString = #fileID,
  line: UInt = #line
) throws(Finding) {
  if !holds { throw Finding(rule(), file: file, line: line) }
}

/// Does what must not fail.
func expectNoError<Result>(
  _ rule: String, file: StaticString = #fileID, line: UInt = #line,
  _ body: () throws(ProtocolError) -> Result
) throws(Finding) -> Result {
  do throws(ProtocolError) {
    return try body()
  } catch {
    throw Finding("\(rule), but: \(error)", file: file, line: line)
  }
}

/// What `body` throws, if it does.
func thrown(by body: () throws(ProtocolError) -> Void) -> ProtocolError? {
  do throws(ProtocolError) {
    try body()
    return nil
  } catch {
    return error
  }
}
