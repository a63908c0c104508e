// The status page: what is on it, that it loads nothing and lets nothing in, and its news.

import FreetserTesting
import HTTPTypes
import KVStore
import StreamSimulation
import Testing
import Threads

@testable import Freetser

@Suite("The status page", .serialized)
struct StatusPageTests {
  private func client(
    _ activity: ServerActivity, store: Store? = nil, title: String = "Status"
  ) throws -> TestClient {
    var configuration = ServerConfiguration()
    configuration.observers.append(activity)
    var routes = Routes()
    routes.get("/", handler: .statusPage(activity, store: store, title: title))
    return try TestClient(Server(.tcp(port: 0), routes: routes, configuration: configuration))
  }

  @Test("The page has its own style and script by a nonce, and may load nothing else")
  func policy() throws {
    let client = try client(ServerActivity())
    var nonces: Set<String> = []
    for _ in 1...3 {
      let response = try client.get("/")
      #expect(response.status == .ok)
      #expect(response.fields["Content-Type"] == "text/html; charset=utf-8")
      #expect(response.fields["Cache-Control"] == "no-store")
      #expect(response.fields["Vary"] == "Accept")
      let policy = try #require(response.fields["Content-Security-Policy"])
      let nonce = try #require(policy.firstMatch(of: /script-src 'nonce-([0-9a-z]+)';/)).1
      #expect(
        policy
          == "default-src 'none'; style-src 'nonce-\(nonce)'; script-src 'nonce-\(nonce)'; "
          + "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
      nonces.insert(String(nonce))
      #expect(response.text.matches(of: /<style nonce="([^"]*)">/).map(\.1) == [nonce])
      #expect(response.text.matches(of: /<script nonce="([^"]*)">/).map(\.1) == [nonce])
      // What the policy would not let work.
      #expect(response.text.firstMatch(of: /\s(style|on[a-z]+)="/) == nil)
      #expect(response.text.firstMatch(of: /( src=| href=|url\(|@import|https?:)/) == nil)
    }
    #expect(nonces.count == 3)
  }

  @Test("Every element ends, in order", arguments: [false, true])
  func markup(hasStore: Bool) throws {
    let store = hasStore ? try Store.inMemory(tables: ["a"]) : nil
    try store?.execute { try $0.add("a", "key", "value") }
    let activity = ServerActivity()
    let client = try client(activity, store: store)
    for _ in 1...2 {
      let text = try client.get("/").text
      var open: [Substring] = []
      for tag in text.matches(of: /<(\/?)([a-z0-9]+)([^>]*)>/) {
        if ["meta", "rect"].contains(tag.2) { continue }
        if tag.1.isEmpty {
          open.append(tag.2)
        } else {
          #expect(open.popLast() == tag.2)
        }
      }
      #expect(open.isEmpty)
      #expect(text.contains("<h2>Store</h2>") == hasStore)
    }
  }

  @Test("A title is text")
  func title() throws {
    let text = try client(ServerActivity(), title: "<b>&amp; 1.4").get("/").text
    #expect(text.contains("<title>&lt;b>&amp;amp; 1.4</title>"))
    #expect(text.contains("<h1>&lt;b>&amp;amp; 1.4</h1>"))
  }

  @Test("Whoever prefers a page gets one, and whoever prefers events gets those")
  func negotiation() throws {
    let client = try client(ServerActivity())
    for (accept, type) in [
      (nil, "text/html; charset=utf-8"), ("*/*", "text/html; charset=utf-8"),
      ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"),
      ("application/json", "text/html; charset=utf-8"), ("text/event-stream", "text/event-stream"),
      ("text/event-stream, text/html;q=0.5", "text/event-stream"),
    ] {
      // HEAD, since events do not end soon.
      let response = try client.send(
        .head, "/", fields: accept.map { [.accept: $0] } ?? [:])
      #expect(response.fields["Content-Type"] == type, "\(accept ?? "none")")
      #expect(response.fields["Vary"] == "Accept")
    }
  }

  // MARK: Events

  private func conversation(
    _ script: [ScriptedClient.Action], stop: (after: Duration, cuttingAfter: Duration)? = nil
  ) -> Conversation {
    let page = Handler.statusPage(ServerActivity())
    let request = "GET / HTTP/1.1\nHost: h\nAccept: text/event-stream\n\n"
    return Conversation([.send(request)] + script, stop: stop) { request, body in
      try page.respond(request, PathParameters(), &body)
    }
  }

  /// The data of each event (WHATWG HTML section 9.2.6), from a chunked response.
  private func events(in text: String) throws -> [String] {
    let start = try #require(text.firstRange(of: "\n\n")).upperBound
    var body = ""
    var rest = text[start...]
    while let line = rest.firstRange(of: "\n") {
      guard let size = Int(rest[..<line.lowerBound], radix: 16), size > 0 else { break }
      let bytes = Array(rest[line.upperBound...].utf8)
      body += String(decoding: bytes.prefix(size), as: UTF8.self)
      rest = Substring(String(decoding: bytes.dropFirst(size + 1), as: UTF8.self))
    }
    return body.split(separator: "\n\n").compactMap { event in
      let data = event.split(separator: "\n").compactMap { line in
        line.hasPrefix("data: ") ? String(line.dropFirst(6)) : nil
      }
      return data.isEmpty ? nil : data.joined(separator: "\n")
    }
  }

  @Test("There is an event a second with what is on the page, until the client leaves")
  func events() throws {
    let conversation = conversation([.pause(.milliseconds(3500)), .endSending])
    let events = try events(in: conversation.client.text)
    #expect(events.count == 4)
    for event in events {
      #expect(event.hasPrefix("<p class=\"since\">") && event.hasSuffix("</div>\n"))
    }
    #expect(conversation.length >= .milliseconds(3500) && conversation.length < .seconds(10))
    #expect(conversation.client.text.hasSuffix("\n0\n\n"))
  }

  @Test(
    "Events end when the server stops, and after ten minutes, so that one is asked again who one is"
  )
  func ends() throws {
    let stopped = conversation([], stop: (after: .milliseconds(1500), cuttingAfter: .seconds(60)))
    #expect(try events(in: stopped.client.text).count == 2)
    #expect(stopped.length < .seconds(30))
    let long = conversation([])
    #expect(try events(in: long.client.text).count == 600)
  }

  // MARK: What is shown

  @Test("Numbers: as they are, and of any size")
  func content() throws {
    var counts = ServerActivity.Counts()
    #expect(StatusContent(counts, nil).html.contains("None yet."))
    counts.uptime = .seconds(93_784)
    counts.connections = 12
    counts.allConnections = 3_456
    counts.successful = 900
    counts.redirections = 50
    counts.clientErrors = 49
    counts.serverErrors = 1
    counts.bytesSent = .max
    counts.lastMinute = [0, 1, 200]
    for time in [Duration.microseconds(3), .milliseconds(3), .seconds(300)] {
      counts.responseTimes.add(time)
    }
    let html = StatusContent(counts, nil).html
    for part in [
      "up 1\u{a0}d 2\u{a0}h", ">12</p>", "of 3,456 so far", ">9.2\u{a0}EB</p>",
      "in 1,000 responses",
      ">67</p>", "at most 200 a second", "width=\"90.0%\"", "x=\"90.0%\"", "x=\"95.0%\"",
      // The least and the most of three seconds, which are the last.
      "<rect x=\"581\" y=\"98\" width=\"8\" height=\"2\"/>",
      "<rect x=\"591\" y=\"0\" width=\"8\" height=\"100\"/>",
      "<th>&lt; 4\u{a0}µs</th>", "<th>longer</th>", "<dt>longest</dt><dd>5\u{a0}min</dd>",
    ] {
      #expect(html.contains(part), "\(part)")
    }
  }

  @Test("A store that cannot be read is shown as that")
  func closedStore() throws {
    let store = try Store(path: makeTemporaryPath(suffix: ".sqlite"), tables: ["a"])
    let counts = ServerActivity.Counts()
    #expect(StatusContent(counts, store).html.contains("<dt>File</dt>"))
    try store.close()
    #expect(StatusContent(counts, store).html.contains("<dd>cannot be read</dd>"))
  }

  @Test(
    "Counts, numbers and bytes",
    arguments: [
      (0, "0", "0", "0 B"), (7, "7", "7", "7 B"), (999, "999", "999", "999 B"),
      (1_000, "1,000", "1,000", "1 kB"), (1_234_567, "1,234,567", "1,234,567", "1.2 MB"),
      (999_499, "999,499", "999,499", "999 kB"), (999_500, "999,500", "999,500", "1 MB"),
    ])
  func counts(_ number: Int, count: String, decimal: String, bytes: String) {
    #expect(Shown.count(number) == count)
    #expect(Shown.decimal(Double(number)) == decimal)
    #expect(Shown.bytes(number).replacing("\u{a0}", with: " ") == bytes)
  }

  @Test(
    "Numbers that are not whole",
    arguments: [
      (0.001, "0"), (0.004, "0"), (0.005, "0.01"), (0.12, "0.12"), (0.994, "0.99"), (0.995, "1"),
      (1.04, "1"), (1.05, "1.1"), (9.96, "10"), (12.34, "12.3"), (99.94, "99.9"), (99.96, "100"),
      (999.6, "1,000"),
    ])
  func decimals(_ number: Double, shown: String) {
    #expect(Shown.decimal(number) == shown)
  }

  @Test(
    "Times",
    arguments: [
      (Duration.zero, "0"), (.nanoseconds(400), "0.40 µs"), (.microseconds(340), "340 µs"),
      (.nanoseconds(999_600), "1 ms"), (.microseconds(1_234), "1.2 ms"),
      (.microseconds(999_400), "999 ms"), (.microseconds(999_600), "1 s"),
      (.milliseconds(12_345), "12.3 s"), (.seconds(60), "1 min"), (.seconds(3_599), "59 min"),
      (.seconds(3_600), "1 h 0 min"), (.seconds(86_399), "23 h 59 min"),
      (.seconds(86_400), "1 d 0 h"), (.seconds(-1), "0"),
    ])
  func times(_ time: Duration, shown: String) {
    #expect(Shown.time(time).replacing("\u{a0}", with: " ") == shown)
  }
}
