// Reads a request from standard input and prints its head: all that HTTPCore needs is bytes from somewhere.

import HTTPCore

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@main
struct PrintHead {
  static func main() {
    do throws(ProtocolError) {
      guard let head = try readHead() else { return }
      print("\(head.method) \(head.target) \(head.version)")
      for field in head.fields { print("\(field.name): \(field.value)") }
    } catch {
      let message = Array("\(error)\n".utf8)
      _ = write(STDERR_FILENO, message, message.count)
      exit(1)
    }
  }

  /// The head of the first request; `nil` if there is none.
  static func readHead() throws(ProtocolError) -> RequestHead? {
    var machine = Connection(role: .server)
    var input: [UInt8] = []
    var inputEnded = false
    while true {
      switch try machine.step(input.span, inputEnded: inputEnded) {
      case .event(.request(let head), _): return head
      case .needMoreInput:
        let piece = readPiece()
        input += piece
        inputEnded = piece.isEmpty
      default: return nil
      }
    }
  }

  /// The next few bytes; few, so that heads come in pieces here as they do from a socket. None at the end.
  static func readPiece() -> ArraySlice<UInt8> {
    var piece = [UInt8](repeating: 0, count: 16)
    let count = read(STDIN_FILENO, &piece, piece.count)
    return piece.prefix(max(0, count))
  }
}
