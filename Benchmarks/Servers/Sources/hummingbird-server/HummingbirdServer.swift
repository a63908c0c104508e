// Hummingbird with one route, as its README has it.

import Foundation
import Hummingbird

@main
struct HummingbirdServer {
  static func main() async throws {
    let router = Router()
    router.get("/") { _, _ in "Hello world!" }
    let application = Application(
      router: router,
      configuration: .init(address: .hostname("127.0.0.1", port: 0), backlog: 1024),
      onServerRunning: { channel in
        print("Listening on 127.0.0.1:\(channel.localAddress!.port!)")
        fflush(nil)
      })
    try await application.runService()
  }
}
