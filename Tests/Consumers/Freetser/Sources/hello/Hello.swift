// A server in one expression. It logs its address, and stops in order at SIGTERM.

import Freetser

@main
struct Hello {
  static func main() throws {
    try Server(.tcp(port: 0)) { request in .text("Hello, \(request.path)!\n") }.run()
  }
}
