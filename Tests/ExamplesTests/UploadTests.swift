// The upload example: files there and back.

import Foundation
import Freetser
import FreetserTesting
import HTTPTypes
import Testing

@testable import upload

@Suite("Upload")
struct UploadTests {
  private let directory: TemporaryDirectory
  private let client: TestClient

  init() throws {
    directory = try TemporaryDirectory()
    let shelf = Shelf(store: try .inMemory(tables: [.files]), directory: directory.path)
    client = try TestClient(Server(.tcp(port: 0), routes: shelf.routes(limit: 1 << 20)))
  }

  private func form(_ parts: [(head: String, content: [UInt8])], isEnded: Bool = true)
    -> RequestContent
  {
    var bytes: [UInt8] = []
    for (head, content) in parts {
      bytes += Array("--b\r\nContent-Disposition: form-data; \(head)\r\n\r\n".utf8) + content
      bytes += Array("\r\n".utf8)
    }
    if isEnded { bytes += Array("--b--\r\n".utf8) }
    return .bytes(bytes, contentType: "multipart/form-data; boundary=b")
  }

  private var files: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: directory.path) }
  }

  @Test("A file comes back as it was, under its name, wherever that would lead")
  func thereAndBack() throws {
    let content = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let upload = form([
      ("name=\"title\"", Array("A <cat>".utf8)),
      ("name=\"file\"; filename=\"../../cät.bin\"", content),
    ])
    let response = try client.post("/files", upload)
    #expect(response.status == .created)
    let item: Shelf.Item = try response.json()
    #expect(item.title == "A <cat>" && item.name == "../../cät.bin" && item.size == 200_000)
    #expect(try files.count == 1)
    let download = try client.get("/files/\(item.id)")
    #expect(download.body == content)
    let disposition = try #require(download.fields["Content-Disposition"])
    #expect(disposition.hasPrefix("attachment") && !disposition.contains("/"))
    let page = try client.get("/").text
    #expect(page.contains("A &lt;cat>") && page.contains("200000 bytes"))
    let part = try client.get("/files/\(item.id)", fields: [.range: "bytes=10-19"])
    #expect(part.status == .partialContent && part.body == Array(content[10..<20]))
  }

  @Test("Nobody is told where files are")
  func places() throws {
    let stored = try client.post("/files", form([("name=\"file\"; filename=\"a\"", [1])])).text
    let list = try client.get("/files").text
    let name = try #require(files.first)
    #expect(list.contains("\"name\":\"a\"") && stored.contains("\"name\":\"a\""))
    #expect(!list.contains(name) && !stored.contains(name))
  }

  @Test("The newest are told, however many there are")
  func newest() throws {
    for number in 1...1_001 {
      let file = form([("name=\"file\"; filename=\"\(number)\"", [])])
      #expect(try client.post("/files", file).status == .created)
    }
    let items: [Shelf.Item] = try client.get("/files").json()
    #expect(items.map(\.name) == (2...1_001).reversed().map(String.init))
  }

  @Test("A browser is sent back to the page")
  func browser() throws {
    let upload = form([("name=\"file\"; filename=\"a\"", [1])])
    let response = try client.post("/files", fields: [.accept: "text/html,*/*;q=0.8"], upload)
    #expect(response.status == .seeOther && response.fields["Location"] == "/")
  }

  @Test("What is broken, too large or no file leaves nothing behind")
  func refused() throws {
    let file = (head: "name=\"file\"; filename=\"a\"", content: [UInt8](repeating: 1, count: 1000))
    #expect(try client.post("/files", form([file], isEnded: false)).status == .badRequest)
    let large = (head: file.head, content: [UInt8](repeating: 1, count: 1 << 20))
    #expect(try client.post("/files", form([large])).status.code == 413)
    let titled = (head: "name=\"title\"", content: [UInt8](repeating: 0x61, count: 201))
    #expect(try client.post("/files", form([file, titled])).status.code == 413)
    #expect(try client.post("/files", form([titled])).status.code == 413)
    #expect(try client.post("/files", .text("x")).status == .unsupportedMediaType)
    let missing = try client.post("/files", form([("name=\"title\"", [0x61])]))
    #expect(missing.status == .badRequest && missing.text.contains(#""field":"file""#))
    #expect(try files.isEmpty)
    #expect(try client.get("/files/1").status == .notFound)
  }
}
