import Foundation
import Testing

/// How much memory of this process is resident.
func residentBytes() throws -> Int {
  let statm = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
  let pages = try #require(statm.split(separator: " ").dropFirst().first.flatMap { Int($0) })
  return pages * 4096
}
