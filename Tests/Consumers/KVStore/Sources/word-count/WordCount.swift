// Counts words, and goes on counting where it stopped.
//
//   echo "to be or not to be" | swift run word-count words.sqlite

import KVStore

extension Table { static let counts: Table = "counts" }

@main
struct WordCount {
  static func main() throws {
    guard CommandLine.arguments.count == 2 else {
      print("usage: word-count PATH, with the words on standard input")
      return
    }
    let store = try Store(path: CommandLine.arguments[1], tables: [.counts])
    while let line = readLine() {
      let words = line.lowercased().split { !$0.isLetter }.map(String.init)
      try store.execute { storage in
        for word in words { try count(word, in: storage) }
      }
    }
    for (word, count) in try store.execute(allCounts) { print(word, count) }
    try store.close()
  }

  @Sendable static func count(_ word: String, in storage: borrowing Storage) throws {
    let count = try storage.get(.counts, word)?.text.flatMap { Int($0) } ?? 0
    try storage.overwrite(.counts, word, "\(count + 1)")
  }

  @Sendable static func allCounts(_ storage: borrowing Storage) throws -> [(String, String)] {
    var counts: [(String, String)] = []
    for word in try storage.listKeys(.counts) {
      counts.append((word, try storage.get(.counts, word)?.text ?? ""))
    }
    return counts
  }
}
