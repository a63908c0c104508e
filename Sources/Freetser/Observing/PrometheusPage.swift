// How metrics are written for Prometheus: its text format, version 0.0.4.
//
// https://prometheus.io/docs/instrumenting/exposition_formats/

/// What a metric is for Prometheus.
enum PrometheusKind: String {
  case counter, gauge, summary, histogram

  /// The name on the page of what the program calls `label`.
  func familyName(of label: String) -> String {
    let name = prometheusName(label, colons: true)
    switch self {
    case .counter: return name.hasSuffix("_total") ? name : name + "_total"
    case .histogram: return name.hasSuffix("_seconds") ? name : name + "_seconds"
    case .gauge, .summary: return name
    }
  }

  /// The names of the lines of a family, and its own, which no other may have.
  func lineNames(of name: String) -> [String] {
    switch self {
    case .counter, .gauge: [name]
    case .summary: [name, name + "_sum", name + "_count"]
    case .histogram: [name, name + "_bucket", name + "_sum", name + "_count"]
    }
  }

  /// How many lines there are for one combination of labels.
  var seriesCount: Int {
    switch self {
    case .counter, .gauge: 1
    case .summary: 2
    case .histogram: PrometheusHistogram.limits.count + 3
    }
  }
}

/// `[a-zA-Z_:][a-zA-Z0-9_:]*`; labels have no colons. What may not be in a name becomes an underscore.
private func prometheusName(_ text: String, colons: Bool) -> String {
  var name = ""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "a"..."z", "A"..."Z", "_": name.unicodeScalars.append(scalar)
    case ":" where colons: name.unicodeScalars.append(scalar)
    case "0"..."9":
      if name.isEmpty { name = "_" }
      name.unicodeScalars.append(scalar)
    default: name += "_"
    }
  }
  return name.isEmpty ? "_" : name
}

/// The labels of a series, as they are written: `method="GET",status="200"`.
struct PrometheusLabels: Hashable {
  let text: String

  /// None.
  init() { text = "" }

  /// Of a name that is there twice the first counts. A label without a value is none, as Prometheus has it.
  init(_ dimensions: [(String, String)], of kind: PrometheusKind) {
    var names: Set<String> = []
    var labels: [String] = []
    for (key, value) in dimensions where !value.isEmpty {
      var name = prometheusName(key, colons: false)
      // Two underscores are Prometheus's own.
      while name.hasPrefix("__") { name.removeFirst() }
      // So are these, where they mean something.
      if kind == .histogram, name == "le" { name = "le_" }
      if kind == .summary, name == "quantile" { name = "quantile_" }
      guard names.insert(name).inserted else { continue }
      labels.append("\(name)=\"\(escaped(value, quotes: true))\"")
    }
    text = labels.sorted().joined(separator: ",")
  }
}

/// With backslashes before backslashes, line feeds and, in values, quotes.
private func escaped(_ text: String, quotes: Bool) -> String {
  var escaped = ""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\\": escaped += "\\\\"
    case "\n": escaped += "\\n"
    case "\"" where quotes: escaped += "\\\""
    default: escaped.unicodeScalars.append(scalar)
    }
  }
  return escaped
}

/// A page that grows: one family after the other, each with its lines.
struct PrometheusPage {
  private(set) var text = ""
  private var name = ""

  /// A family begins.
  mutating func begin(_ name: String, _ kind: PrometheusKind, help: String) {
    self.name = name
    text += "# HELP \(name) \(escaped(help, quotes: false))\n"
    text += "# TYPE \(name) \(kind.rawValue)\n"
  }

  /// A line of the family: `name_suffix{labels,last} value`.
  mutating func addLine(
    _ value: Double, suffix: String = "", _ labels: PrometheusLabels = PrometheusLabels(),
    last: String = ""
  ) {
    text += name
    text += suffix
    let separator = labels.text.isEmpty || last.isEmpty ? "" : ","
    if !labels.text.isEmpty || !last.isEmpty { text += "{\(labels.text)\(separator)\(last)}" }
    text += " \(Self.number(value))\n"
  }

  /// The lines of a histogram.
  ///
  /// - Parameters:
  ///   - limits: Up to which seconds each count is.
  ///   - counts: One more than there are limits: the last is what is longer.
  mutating func addHistogram(
    _ labels: PrometheusLabels = PrometheusLabels(), limits: [Double], counts: [Int],
    sum: Double
  ) {
    var count = 0
    for (index, part) in counts.enumerated() {
      count += part
      let limit = index < limits.count ? Self.number(limits[index]) : "+Inf"
      addLine(Double(count), suffix: "_bucket", labels, last: "le=\"\(limit)\"")
    }
    addLine(sum, suffix: "_sum", labels)
    addLine(Double(count), suffix: "_count", labels)
  }

  /// A family of one line.
  mutating func addCounter(_ name: String, help: String, _ value: Int) {
    begin(name, .counter, help: help)
    addLine(Double(value))
  }

  /// A family of one line.
  mutating func addGauge(_ name: String, help: String, _ value: Double) {
    begin(name, .gauge, help: help)
    addLine(value)
  }

  /// As Go's `ParseFloat` reads it, without a point where there is nothing behind it.
  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    // Up to here a Double is exact, and so is its text.
    guard value.magnitude <= 0x1p53, let whole = Int(exactly: value) else { return "\(value)" }
    return "\(whole)"
  }
}
