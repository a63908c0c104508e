import Testing

@testable import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite struct TransportErrorTests {
  @Test("errors read as a line of a log")
  func text() {
    #expect(
      TransportError.addressInUse(.tcp(port: 8000)).description
        == "cannot listen on 127.0.0.1:8000: address already in use")
    #expect(
      TransportError.cannotListen(on: .tcp(port: 80), code: EACCES).description
        == "cannot listen on 127.0.0.1:80: permission denied")
    #expect(
      TransportError.notASocket(path: "/etc/passwd").description
        == "cannot listen on unix:/etc/passwd: the path holds a file that is not a socket")
    #expect(
      TransportError.pathTooLong(path: "/x", limitInBytes: 107).description
        == "cannot use unix:/x: a socket path has at most 107 bytes")
    #expect(
      TransportError.pathContainsNUL(path: "/a\0\nb").description
        == "cannot use unix:/a\\0\\nb: a socket path holds no character U+0000")
    #expect(
      TransportError.notASocket(path: "/a\nb").description
        == "cannot listen on unix:/a\\nb: the path holds a file that is not a socket")
    #expect(
      TransportError.cannotConnect(to: .unix(path: "/x"), code: ECONNREFUSED).description
        == "cannot connect to unix:/x: connection refused")
    #expect(TransportError.timedOut.description == "timed out")
    #expect(
      TransportError.peerGone(code: EPIPE).description == "the peer is gone: broken pipe")
    #expect(
      TransportError.bufferFull(limitInBytes: 9).description
        == "the receive buffer holds 9 unread bytes, its limit")
    #expect(
      TransportError.systemCall("accept", code: EMFILE).description
        == "accept: too many open files")
  }

  @Test("what errno says of a connection is sorted by what one can do about it")
  func kinds() {
    #expect(TransportError(systemCall: "recv", code: EAGAIN) == .timedOut)
    for code in [EPIPE, ECONNRESET, ETIMEDOUT, EHOSTUNREACH] {
      #expect(TransportError(systemCall: "recv", code: code) == .peerGone(code: code))
    }
    #expect(
      TransportError(systemCall: "recv", code: EBADF) == .systemCall("recv", code: EBADF))
  }

  @Test("a log line can be made of an error: closures capture it whole")
  func captured() {
    // In a program built without optimisation this ended the process while an error was aligned to 16 bytes.
    func line(_ text: @autoclosure () -> String) -> String { text() }
    func describe(_ error: TransportError) -> String { line("lost: \(error)") }
    #expect(describe(.timedOut) == "lost: timed out")
    let unix = TransportError.cannotConnect(to: .unix(path: "/x"), code: ECONNREFUSED)
    #expect(describe(unix) == "lost: cannot connect to unix:/x: connection refused")
    #expect(MemoryLayout<TransportError>.alignment == 8)
  }
}
