// FlyingFox with one route.

import FlyingFox
import FlyingSocks
import Foundation

@main
struct FlyingFoxServer {
  static func main() async throws {
    let server = HTTPServer(address: try .inet(ip4: "127.0.0.1", port: 0), logger: .disabled)
    await server.appendRoute("GET /") { _ in
      HTTPResponse(
        statusCode: .ok, headers: [.contentType: "text/plain; charset=utf-8"],
        body: Data("Hello world!".utf8))
    }
    async let running: Void = server.run()
    try await server.waitUntilListening()
    if case .ip4(_, let port) = await server.listeningAddress {
      print("Listening on 127.0.0.1:\(port)")
      fflush(nil)
    }
    try await running
  }
}
