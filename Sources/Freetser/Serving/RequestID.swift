// When a request's id is the one that a proxy gave it.

import HTTPCore
import Transport

extension Proxies {
  /// The id that a request was given before it came here; `nil` if there is none, or none that is believed.
  ///
  /// - Parameter nearest: The peer, or whom it speaks for.
  func requestID(of fields: Fields, from nearest: Address) -> String? {
    guard let requestIDField, trusted.contains(nearest) else { return nil }
    let ids = fields.values(of: requestIDField.rawName)
    return ids.count == 1 && isRequestID(ids[0]) ? ids[0] : nil
  }
}

/// In bytes.
let longestRequestID = 128

/// Whether text is short and plain enough to stand in lines of a log as it is.
private func isRequestID(_ text: String) -> Bool {
  1...longestRequestID ~= text.utf8.count
    && text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: "._:/+=-".utf8.contains(byte)
      }
    }
}
