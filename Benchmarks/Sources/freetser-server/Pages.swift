// Pages that do without the store.

import Freetser

private struct Order: Decodable {
  var name: String
  var numbers: [Int]
  var active: Bool
}

private struct Summary: Encodable {
  var name: String
  var sum: Int
  var active: Bool
}

func addPages(to routes: inout Routes, file: String) {
  let small = [UInt8](repeating: UInt8(ascii: "x"), count: 64 << 10)
  let large = [UInt8](repeating: UInt8(ascii: "x"), count: 10 << 20)

  routes.get("/") { _, _ in .text("Hello world!") }
  routes.get("/64k") { _, _ in .bytes(small) }
  routes.get("/10m") { _, _ in .bytes(large) }
  routes.get("/file") { request, _ in try .file(at: file, for: request) }
  routes.post("/upload") { request, _ in .text("\(request.body.count)") }
  routes.post("/json") { request, _ in
    let order = try request.json(Order.self)
    return try .json(
      Summary(name: order.name, sum: order.numbers.reduce(0, +), active: !order.active))
  }
}
