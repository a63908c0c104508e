// A strict reader of Prometheus's text format, version 0.0.4, written after its description and not after our writer.
//
// https://prometheus.io/docs/instrumenting/exposition_formats/

/// A page as a scraper would understand it. What is wrong with it is thrown.
struct PrometheusText {
  struct Flaw: Error, CustomStringConvertible {
    var description: String
  }

  struct Family {
    var type: String
    var help: String
  }

  private struct Histogram: Hashable {
    var name: String
    var labels: String
  }

  private(set) var families: [String: Family] = [:]
  /// The value of each series: its name with its labels in order, `name{a="b",c="d"}`, values as they are meant.
  private(set) var values: [String: Double] = [:]

  /// The buckets of histograms, by name and other labels, for what must be true of them together.
  private var buckets: [Histogram: [(limit: Double, count: Double)]] = [:]
  private var current = ""

  init(_ text: String) throws {
    guard text.isEmpty || text.hasSuffix("\n") else {
      throw Flaw(description: "no line feed at the end")
    }
    // By bytes: a letter and a line feed after it may be one Character.
    for line in text.utf8.split(separator: 0x0a, omittingEmptySubsequences: false).dropLast() {
      let line = String(Substring(line))
      do {
        try read(line)
      } catch let flaw as Flaw {
        throw Flaw(description: "\(flaw) in: \(line)")
      }
    }
    try checkHistograms()
  }

  private mutating func read(_ line: String) throws {
    if line.hasPrefix("# HELP ") {
      var rest = line.unicodeScalars.dropFirst(7)
      let name = String(rest.prefix { $0 != " " })
      rest.removeFirst(name.unicodeScalars.count)
      guard isName(name, colons: true) else { throw Flaw(description: "not a name") }
      guard families[name] == nil else { throw Flaw(description: "a second family") }
      guard rest.popFirst() == " " else { throw Flaw(description: "no help") }
      families[name] = Family(type: "", help: try unescaped(rest, quotes: false))
      current = name
    } else if line.hasPrefix("# TYPE ") {
      let parts = line.dropFirst(7).split(separator: " ", omittingEmptySubsequences: false)
      guard parts.count == 2, parts[0] == current, families[current]?.type == "" else {
        throw Flaw(description: "a type out of place")
      }
      guard ["counter", "gauge", "summary", "histogram"].contains(parts[1]) else {
        throw Flaw(description: "not a type")
      }
      families[current]?.type = String(parts[1])
    } else {
      try readSample(line)
    }
  }

  private mutating func readSample(_ line: String) throws {
    var rest = Substring(line).unicodeScalars
    let name = String(rest.prefix { $0 != "{" && $0 != " " })
    guard isName(name, colons: true) else { throw Flaw(description: "not a name") }
    rest.removeFirst(name.unicodeScalars.count)
    var labels: [(name: String, value: String)] = []
    if rest.first == "{" { labels = try readLabels(&rest) }
    guard rest.popFirst() == " " else { throw Flaw(description: "no space before the value") }
    let value = try number(Substring(rest))
    try checkFamily(of: name, labels, value)
    guard Set(labels.map(\.name)).count == labels.count else {
      throw Flaw(description: "a label twice")
    }
    let series = name + written(labels)
    guard values.updateValue(value, forKey: series) == nil else {
      throw Flaw(description: "a series twice")
    }
  }

  /// By scalars: a quote and an accent behind it are one Character.
  private func readLabels(
    _ rest: inout Substring.UnicodeScalarView
  ) throws -> [(name: String, value: String)] {
    rest.removeFirst()
    var labels: [(name: String, value: String)] = []
    while true {
      let name = String(rest.prefix { $0 != "=" })
      guard isName(name, colons: false), !name.hasPrefix("__") else {
        throw Flaw(description: "not a label’s name")
      }
      rest.removeFirst(name.unicodeScalars.count)
      guard rest.popFirst() == "=", rest.popFirst() == "\"" else {
        throw Flaw(description: "no value")
      }
      var raw = Substring.UnicodeScalarView()
      var isEscaped = false
      while let scalar = rest.popFirst(), isEscaped || scalar != "\"" {
        isEscaped = scalar == "\\" && !isEscaped
        raw.append(scalar)
      }
      labels.append((name, try unescaped(raw, quotes: true)))
      switch rest.popFirst() {
      case "}": return labels
      case ",": continue
      default: throw Flaw(description: "no comma")
      }
    }
  }

  /// Each line is of the family before it.
  private mutating func checkFamily(
    of name: String, _ labels: [(name: String, value: String)], _ value: Double
  ) throws {
    guard let type = families[current]?.type, !type.isEmpty else {
      throw Flaw(description: "no family")
    }
    guard name.hasPrefix(current) else { throw Flaw(description: "of another family") }
    let suffix = name.dropFirst(current.count)
    let bucket = labels.first { $0.name == "le" && type == "histogram" }
    switch (type, suffix, bucket) {
    case ("counter", "", nil):
      guard value >= 0 else { throw Flaw(description: "a counter below 0") }
    case ("gauge", "", nil), ("summary", "_sum", nil), ("summary", "_count", nil),
      ("histogram", "_sum", nil), ("histogram", "_count", nil):
      break
    case ("histogram", "_bucket", let bucket?):
      let key = Histogram(name: current, labels: written(labels.filter { $0.name != "le" }))
      buckets[key, default: []].append((try number(bucket.value[...]), value))
    default: throw Flaw(description: "no line of a \(type)")
    }
  }

  private func checkHistograms() throws {
    for (key, buckets) in buckets {
      for (one, next) in zip(buckets, buckets.dropFirst()) {
        guard one.limit < next.limit, one.count <= next.count else {
          throw Flaw(description: "\(key): buckets out of order")
        }
      }
      let count = values["\(key.name)_count\(key.labels)"]
      let sum = values["\(key.name)_sum\(key.labels)"]
      guard buckets.last?.limit == .infinity, buckets.last?.count == count, sum != nil else {
        throw Flaw(description: "\(key): no end")
      }
    }
  }

  private func written(_ labels: [(name: String, value: String)]) -> String {
    let sorted = labels.sorted { $0.name < $1.name }.map { "\($0.name)=\"\($0.value)\"" }
    return sorted.isEmpty ? "" : "{\(sorted.joined(separator: ","))}"
  }

  private func isName(_ text: String, colons: Bool) -> Bool {
    !text.isEmpty && !("0"..."9").contains(text.first!)
      && text.unicodeScalars.allSatisfy { scalar in
        ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
          || ("0"..."9").contains(scalar) || scalar == "_" || (colons && scalar == ":")
      }
  }

  private func number(_ text: Substring) throws -> Double {
    switch text {
    case "+Inf": return .infinity
    case "-Inf": return -.infinity
    case "NaN": return .nan
    default:
      guard text.wholeMatch(of: /-?[0-9]+(\.[0-9]+)?(e[+-][0-9]+)?/) != nil,
        let value = Double(text)
      else { throw Flaw(description: "not a number") }
      return value
    }
  }

  private func unescaped(
    _ text: Substring.UnicodeScalarView, quotes: Bool
  ) throws -> String {
    var result = ""
    var scalars = text
    while let scalar = scalars.popFirst() {
      guard scalar == "\\" else {
        result.unicodeScalars.append(scalar)
        continue
      }
      switch scalars.popFirst() {
      case "\\": result += "\\"
      case "n": result += "\n"
      case "\"" where quotes: result += "\""
      default: throw Flaw(description: "not an escape")
      }
    }
    return result
  }
}
