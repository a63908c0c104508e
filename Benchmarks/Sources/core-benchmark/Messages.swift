// What is read, byte for byte.

/// The head that curl sends: 82 bytes, three fields.
let curlHead = head([
  "GET /status HTTP/1.1",
  "Host: localhost:8000",
  "User-Agent: curl/8.14",
  "Accept: */*",
])

/// The head that a desktop browser sends: 669 bytes, 13 fields, a cookie of 150 bytes among them.
let browserHead = head([
  "GET /articles/2026/our-server?page=2 HTTP/1.1",
  "Host: www.example.com",
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
  "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  "Accept-Language: en-GB,en;q=0.7",
  "Accept-Encoding: gzip, deflate, br, zstd",
  "Connection: keep-alive",
  "Referer: https://www.example.com/articles/",
  "Cookie: " + cookie,
  "Upgrade-Insecure-Requests: 1",
  "Sec-Fetch-Dest: document",
  "Sec-Fetch-Mode: navigate",
  "Sec-Fetch-Site: same-origin",
  "Cache-Control: max-age=0",
])

/// A head with as many fields as no usual client sends: 64 of them, 1,219 bytes.
let longHead = head(
  ["GET / HTTP/1.1", "Host: localhost:8000"] + (1..<64).map { "field-\($0): value\($0)" })

/// The head that a server sends behind a proxy: nine fields, and no content.
let responseHead = head([
  "HTTP/1.1 200 OK",
  "Server: nginx/1.22.1",
  "Date: Sun, 06 Nov 1994 08:49:37 GMT",
  "Content-Type: text/html; charset=utf-8",
  "Content-Length: 0",
  "Connection: keep-alive",
  "Cache-Control: public, max-age=60",
  "ETag: \"5f8a-0123456789abcdef\"",
  "Vary: Accept-Encoding",
  "X-Content-Type-Options: nosniff",
])

/// The same head with another last byte in its last field.
func other(_ head: [UInt8]) -> [UInt8] {
  var other = head
  other[head.count - 5] = UInt8(ascii: "x")
  precondition(other != head)
  return other
}

/// The same fields behind a longer target.
private func elsewhere(_ head: [UInt8]) -> [UInt8] {
  let end = head.firstRange(of: Array(" HTTP/1.1".utf8))!.lowerBound
  return head[..<end] + Array("/more".utf8) + head[end...]
}

/// Heads that take turns: with the same fields, and with others.
let (curlTurns, browserTurns) = (
  [curlHead, elsewhere(curlHead)], [browserHead, elsewhere(browserHead)]
)
let browserChanges = [browserHead, other(browserHead)]

private func head(_ lines: [String]) -> [UInt8] {
  Array(lines.map { $0 + "\r\n" }.joined().utf8) + "\r\n".utf8
}

private let cookie =
  "session=8f14e45fceea167a5a36dedd4bea2543c9f0f895fb98ab9159f51fd0297e236d; theme=dark; "
  + "consent=necessary.2026-01-17; last-seen=1768642177; visitor=0123"

/// A head and its 1 MiB of content in 1,024 chunks of 1 KiB.
let chunkedRequest: [UInt8] = {
  var bytes = Array(
    "POST /upload HTTP/1.1\r\nHost: localhost:8000\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
  for _ in 0..<1024 {
    bytes += "400\r\n".utf8
    bytes += (0..<1024).map { UInt8(ascii: "a") + UInt8($0 % 26) }
    bytes += "\r\n".utf8
  }
  return bytes + "0\r\n\r\n".utf8
}()
