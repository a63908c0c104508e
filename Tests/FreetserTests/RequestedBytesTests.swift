// What a `Range` asks for, against what the RFC says of each form.

import Testing

@testable import Freetser

@Suite("Requested bytes")
struct RequestedBytesTests {
  struct Row: CustomTestStringConvertible {
    var value: String?
    var size = 1000
    var wanted: RequestedBytes
    var testDescription: String { "\(value ?? "none") of \(size)" }
  }

  static let rows: [Row] = [
    Row(value: nil, wanted: .all),
    // RFC 9110 14.1.2: the examples.
    Row(value: "bytes=0-499", wanted: .parts([0..<500])),
    Row(value: "bytes=500-999", wanted: .parts([500..<1000])),
    Row(value: "bytes=-500", wanted: .parts([500..<1000])),
    Row(value: "bytes=500-", wanted: .parts([500..<1000])),
    Row(value: "bytes=0-0,-1", wanted: .parts([0..<1, 999..<1000])),
    Row(value: "bytes= 0-99, 500-599,-100", wanted: .parts([0..<100, 500..<600, 900..<1000])),
    // The last position may be beyond the end, and a suffix longer than the whole.
    Row(value: "bytes=999-2000", wanted: .parts([999..<1000])),
    Row(value: "bytes=-2000", wanted: .parts([0..<1000])),
    Row(value: "bytes=0-", wanted: .parts([0..<1000])),
    Row(value: "bytes=5-99999999999999999999", wanted: .parts([5..<1000])),
    Row(value: "bytes=5-9223372036854775807", wanted: .parts([5..<1000])),
    Row(value: "bytes=-99999999999999999999", wanted: .parts([0..<1000])),
    // The unit is known in any case.
    Row(value: "BYTES=1-1", wanted: .parts([1..<2])),
    // Empty members count for nothing.
    Row(value: "bytes=,,1-1 ,\t", wanted: .parts([1..<2])),
    // Nothing there.
    Row(value: "bytes=1000-", wanted: .none),
    Row(value: "bytes=1000-1000", wanted: .none),
    Row(value: "bytes=99999999999999999999-", wanted: .none),
    Row(value: "bytes=-0", wanted: .none),
    Row(value: "bytes=-0,2000-", wanted: .none),
    // What is there of several.
    Row(value: "bytes=0-1,5000-", wanted: .parts([0..<2])),
    Row(value: "bytes=0-1,2-3", wanted: .parts([0..<2, 2..<4])),
    // Overlapping, out of order: the whole.
    Row(value: "bytes=0-5,5-6", wanted: .all),
    Row(value: "bytes=5-6,0-1", wanted: .all),
    Row(value: "bytes=0-,0-,0-", wanted: .all),
    // As many as there may be, and one more.
    Row(
      value: "bytes=" + (0..<16).map { "\($0)-\($0)" }.joined(separator: ","),
      wanted: .parts((0..<16).map { $0..<($0 + 1) })),
    Row(value: "bytes=" + (0..<17).map { "\($0)-\($0)" }.joined(separator: ","), wanted: .all),
    // Of nothing, all.
    Row(value: "bytes=0-", size: 0, wanted: .all),
    Row(value: "bytes=-5", size: 0, wanted: .all),
    // Sizes that 32 bits do not hold.
    Row(value: "bytes=-5", size: 1 << 40, wanted: .parts([(1 << 40) - 5..<1 << 40])),
    // Malformed, or another unit: no range.
    Row(value: "", wanted: .all),
    Row(value: "bytes", wanted: .all),
    Row(value: "bytes=", wanted: .all),
    Row(value: "bytes=,", wanted: .all),
    Row(value: "bytes=-", wanted: .all),
    Row(value: "bytes=5", wanted: .all),
    Row(value: "bytes=5-4", wanted: .all),
    Row(value: "bytes=0-1,5-4", wanted: .all),
    Row(value: "bytes=0-1,x", wanted: .all),
    Row(value: "bytes=a-b", wanted: .all),
    Row(value: "bytes=+1-2", wanted: .all),
    Row(value: "bytes=1-+2", wanted: .all),
    Row(value: "bytes=--1", wanted: .all),
    Row(value: "bytes=1-2-3", wanted: .all),
    Row(value: "bytes=1 -2", wanted: .all),
    Row(value: "bytes=0x1-2", wanted: .all),
    Row(value: "bytes=\u{0661}-2", wanted: .all),
    Row(value: "bytes =1-2", wanted: .all),
    Row(value: "lines=1-2", wanted: .all),
  ]

  @Test("RFC 9110 14.1: ranges", arguments: rows)
  func ranges(_ row: Row) {
    #expect(RequestedBytes(row.value, of: row.size) == row.wanted)
  }
}
