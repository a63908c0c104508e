// curl against the quick start.

import Foundation
import Testing

/// A mebibyte in which every byte value occurs, zero among them, and no stretch looks like the next.
let mebibyte = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8 ^ $0 >> 13) }

/// Half as much again as the limit on bodies allows.
private let tooMuch = mebibyte + mebibyte + mebibyte

@Suite("curl", .serialized, .needs(.curl))
struct CurlTests {
  /// Runs curl without its user's settings.
  private func curl(_ arguments: String..., input: [UInt8] = []) throws -> Output {
    try Tool.curl.run(["-q", "-sS", "--noproxy", "*", "-m", "30"] + arguments, input: input)
  }

  @Test("GET")
  func get() throws {
    try withExample(.quickstart) { example in
      let page = try curl("-w", " %{http_code} %{content_type}", example.url("/"))
      #expect(page.text == "Hello world! 200 text/plain; charset=utf-8")
    }
  }

  @Test("HEAD gives the head that GET gives, and no body")
  func head() throws {
    try withExample(.quickstart) { example in
      let head = try curl("-I", example.url("/")).text
      #expect(head.hasPrefix("HTTP/1.1 200 OK\n"))
      #expect(head.contains("\nContent-Length: 12\n"))
      #expect(head.hasSuffix("\n\n"))
    }
  }

  @Test("Two pages come over one connection")
  func keepAlive() throws {
    try withExample(.quickstart) { example in
      let pages = try curl("-w", " %{num_connects}\n", example.url("/"), example.url("/user"))
      #expect(pages.text == "Hello world! 1\nCreated: my_user_email\n 0\n")
    }
  }

  @Test("A connection outlives an error")
  func keepAliveAfterNotFound() throws {
    try withExample(.quickstart) { example in
      let pages = try curl(
        "-w", " %{http_code} %{num_connects}\n", example.url("/none"), example.url("/"))
      #expect(pages.text == "Not found! 404 1\nHello world! 200 0\n")
    }
  }

  @Test("The entry is made once and found from then on")
  func user() throws {
    try withExample(.quickstart) { example in
      let first = try curl(example.url("/user"))
      #expect(first.text == "Created: my_user_email\n")
      let second = try curl(example.url("/user"))
      #expect(second.text == "Found: my_user_email, counter=0\n")
    }
  }

  @Test("A body comes back byte for byte")
  func echo() throws {
    try withExample(.quickstart) { example in
      let echo = try curl(
        "-H", "Content-Type: image/x-noise", "-w", "%{stderr}%{content_type}",
        "--data-binary", "@-", example.url("/echo"), input: mebibyte)
      #expect(echo.bytes == mebibyte)
      #expect(echo.errors == "image/x-noise")
    }
  }

  @Test("An upload of unknown length is chunked, and comes back byte for byte")
  func chunked() throws {
    try withExample(.quickstart) { example in
      let echo = try curl("-v", "-X", "POST", "-T", "-", example.url("/echo"), input: mebibyte)
      #expect(echo.errors.contains("\n> Transfer-Encoding: chunked"))
      #expect(echo.bytes == mebibyte)
    }
  }

  @Test("RFC 9110 10.1.1: a client that expects 100 gets it, then the response")
  func expectContinue() throws {
    try withExample(.quickstart) { example in
      let echo = try curl(
        "-v", "-H", "Expect: 100-continue", "--data-binary", "@-", example.url("/echo"),
        input: Array("body".utf8))
      let statuses = echo.errors.matches(of: /\n< HTTP\/1.1 (\d+)/).map { $0.1 }
      #expect(statuses == ["100", "200"])
      #expect(echo.text == "body")
    }
  }

  @Test("RFC 9110 10.1.1: another expectation is answered with 417")
  func otherExpectation() throws {
    try withExample(.quickstart) { example in
      let refused = try curl(
        "-w", "%{http_code}", "-H", "Expect: something-else", "--data-binary", "@-",
        example.url("/echo"), input: mebibyte)
      #expect(refused.text == "417 Error: Expectation Failed\n417")
    }
  }

  @Test("HTTP/1.0 is answered, and the connection closed")
  func http10() throws {
    try withExample(.quickstart) { example in
      let pages = try curl(
        "--http1.0", "-i", "-w", "\n%{num_connects}\n", example.url("/"), example.url("/"))
      #expect(pages.text.matches(of: /Hello world!\n1\n/).count == 2)
      #expect(pages.text.matches(of: /\nConnection: close\n/).count == 2)
    }
  }

  /// Twenty times: a connection closed too early would destroy the response only now and then.
  @Test(
    "A body that is declared too large is refused, and the client gets to read why",
    arguments: ["Expect:", "Expect: 100-continue"])
  func tooLarge(expect: String) throws {
    try withExample(.quickstart) { example in
      for _ in 1...20 {
        let refused = try curl(
          "-w", "%{http_code}", "-H", expect, "--data-binary", "@-", example.url("/echo"),
          input: tooMuch)
        #expect(refused.text == "413 Error: Payload Too Large: Exceeded limit 2097152\n413")
      }
    }
  }

  @Test("A chunked body that grows too large is refused, and the client gets to read why")
  func chunkedTooLarge() throws {
    try withExample(.quickstart) { example in
      for _ in 1...20 {
        let refused = try curl(
          "-w", "%{http_code}", "-H", "Expect:", "-X", "POST", "-T", "-", example.url("/echo"),
          input: tooMuch)
        #expect(refused.text == "413 Error: Payload Too Large: Exceeded limit 2097152\n413")
      }
    }
  }

  @Test("A target in absolute form, as proxies get it, names the same page")
  func absoluteForm() throws {
    try withExample(.quickstart) { example in
      let page = try curl("--request-target", "http://elsewhere.test/?q", example.url("/none"))
      #expect(page.text == "Hello world!")
    }
  }

  @Test("A Unix domain socket, which is gone after the stop")
  func unixSocket() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("socket")
    try withExample(.quickstart, "--unix", path) { example in
      #expect(example.address == "unix:\(path)")
      let pages = try curl(
        "--unix-socket", path, "-w", " %{num_connects}\n", "http://localhost/",
        "http://localhost/none")
      #expect(pages.text == "Hello world! 1\nNot found! 0\n")
      let echo = try curl(
        "--unix-socket", path, "--data-binary", "@-", "http://localhost/echo", input: mebibyte)
      #expect(echo.bytes == mebibyte)
    }
    #expect(!FileManager.default.fileExists(atPath: path))
  }
}
