// What the protocol machine costs by itself: nanoseconds an operation.

import HTTPCore

@main
struct CoreBenchmark {
  /// A row of the table.
  struct Row: Sendable {
    let name: String
    /// How many operations take about a quarter of a second.
    let count: Int
    let operation: @Sendable (inout Server) throws -> Int
  }

  static let rows = [
    Row(name: "head-82", count: 400_000) { try $0.parse(curlHead) },
    Row(name: "head-669", count: 150_000) { try $0.parse(browserHead) },
    Row(name: "head-669-bytewise", count: 10_000) { try $0.parseBytewise(browserHead) },
    Row(name: "head-fields-64", count: 80_000) { try $0.parse(longHead) },
    Row(name: "exchange-82", count: 100_000) { try $0.exchange(curlHead) },
    Row(name: "exchange-669", count: 80_000) { try $0.exchange(browserHead) },
    Row(name: "lean-82", count: 200_000) { try $0.leanExchange(curlTurns) },
    Row(name: "lean-669", count: 150_000) { try $0.leanExchange(browserTurns) },
    Row(name: "lean-669-changes", count: 150_000) { try $0.leanExchange(browserChanges) },
    Row(name: "response-made", count: 150_000) { try $0.respond(isMadeAnew: true) },
    Row(name: "response-ready", count: 300_000) { try $0.respond(isMadeAnew: false) },
    Row(name: "response-whole", count: 300_000) { try $0.respondWhole() },
    Row(name: "chunked-1MiB", count: 1_000) { try $0.exchange(chunkedRequest) },
  ]

  /// Messages that are also read alone, and given to other programs.
  static let messages = [
    "curl": curlHead, "browser": browserHead, "response": responseHead, "chunked": chunkedRequest,
  ]

  /// Without arguments every row, timed. With a row's name and a count, just that many operations: for callgrind, and to
  /// take turns with other programs. `read MESSAGE COUNT` reads a message alone, each time with another last field, so that
  /// nothing is known of it; `read-again MESSAGE COUNT` always the same. `message MESSAGE` gives its bytes.
  static func main() throws {
    precondition(curlHead.count == 82 && browserHead.count == 669)
    let arguments = CommandLine.arguments
    if arguments.count > 2, let message = messages[arguments[2]] {
      if arguments[1] == "message" {
        print(String(decoding: message, as: UTF8.self), terminator: "")
      } else {
        let messages = arguments[1] == "read-again" ? [message] : [message, other(message)]
        try printReading(messages, by: arguments[2] == "response" ? .client : .server, arguments[3])
      }
      return
    }
    if arguments.count == 3, let count = Int(arguments[2]),
      let row = rows.first(where: { $0.name == arguments[1] })
    {
      var server = Server()
      var sum = 0
      let time = try ContinuousClock().measure { sum = try run(row.operation, count, on: &server) }
      print(time / .nanoseconds(1) / Double(count), sum)
      return
    }
    print("operation           ns, best of 7     median    checksum")
    for row in rows { try measure(row) }
  }

  /// Prints nanoseconds until a message's head is there, and until the next may begin.
  static func printReading(_ messages: [[UInt8]], by role: Role, _ count: String) throws {
    let count = Int(count)!
    var readers = Readers(role)
    let times = try readers.times(reading: messages, count)
    let nanoseconds = [times.heads, times.heads + times.rests].map {
      $0 / .nanoseconds(1) / Double(count)
    }
    print(nanoseconds[0], nanoseconds[1], readers.sum)
  }

  static func measure(_ row: Row) throws {
    var server = Server()
    var checksum = try run(row.operation, row.count / 10, on: &server)
    var times: [Double] = []
    for _ in 0..<7 {
      let time = try ContinuousClock().measure {
        checksum &+= try run(row.operation, row.count, on: &server)
      }
      times.append(time / .nanoseconds(1) / Double(row.count))
    }
    times.sort()
    let columns = [(row.name, -18), (rounded(times[0]), 15), (rounded(times[3]), 11)]
    print(columns.map(aligned).joined(), "  \(checksum)")
  }

  /// The sum of what the operations give, so that none of them can be left out.
  static func run(
    _ operation: (inout Server) throws -> Int, _ count: Int, on server: inout Server
  ) throws -> Int {
    var sum = 0
    for _ in 0..<count { sum &+= try operation(&server) }
    return sum
  }

  private static func rounded(_ number: Double) -> String { "\(Int(number + 0.5))" }

  /// Text in a column of so many characters, at its left end if that is negative.
  private static func aligned(_ text: String, _ width: Int) -> String {
    let space = String(repeating: " ", count: max(0, abs(width) - text.count))
    return width < 0 ? text + space : space + text
  }
}
