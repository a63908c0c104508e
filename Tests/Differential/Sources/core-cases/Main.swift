// Reads cases, one a line, and writes what HTTPCore makes of each, one a line.

import Cases
import Glibc
import HTTPCore

@main
struct CoreCases {
  static func main() throws {
    while let line = readLine() {
      switch Case(line) {
      case .read(let reading):
        let (outcome, split) = try Reader.read(reading)
        print(outcome.json(split: split))
      case .script(let role, let steps):
        guard let outcome = Script.run(role: role, steps: steps) else {
          fatalError("not a script: \(line)")
        }
        print(outcome.json())
      case nil: fatalError("not a case: \(line)")
      }
      // Whoever sent the case may wait for this before it sends another.
      fflush(nil)
    }
  }
}
