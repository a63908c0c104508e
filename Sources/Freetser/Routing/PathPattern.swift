// The paths that a route is for, as they are written: `/notes/:id`, `/assets/*path`.

/// A path in which some segments are names for whatever stands there.
struct PathPattern: Equatable, Sendable {
  enum Segment: Equatable, Sendable {
    /// This text, after percent escapes are decoded.
    case literal(String)
    /// `:name`: one segment that is not empty.
    case parameter(String)
    /// `*name`, at the end: all that is left, be it nothing.
    case tail(String)
  }

  var segments: [Segment]

  /// Reads a pattern. What is wrong with it ends the program with a sentence.
  init(_ text: String) {
    require(text.hasPrefix("/"), "a path begins with a slash: “\(text)”")
    require(
      !text.contains { "?#%".contains($0) },
      "a path has no query and no percent escapes: “\(text)”")
    segments = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map {
      segment in
      switch segment.first {
      case ":": .parameter(String(segment.dropFirst()))
      case "*": .tail(String(segment.dropFirst()))
      default: .literal(String(segment))
      }
    }
    let names = self.names
    require(!names.contains(""), "parameters have names: “\(text)”")
    require(Set(names).count == names.count, "parameters have different names: “\(text)”")
    checkTail()
  }

  private func checkTail() {
    for segment in segments.dropLast() {
      if case .tail = segment { fatalError("a tail stands at the end: “\(text)”") }
    }
  }

  /// The names of its parameters, in order.
  var names: [String] {
    segments.compactMap { segment in
      switch segment {
      case .literal: nil
      case .parameter(let name), .tail(let name): name
      }
    }
  }

  /// The same for patterns that are for the same paths.
  var shape: [Segment] {
    segments.map { segment in
      switch segment {
      case .literal: segment
      case .parameter: .parameter("")
      case .tail: .tail("")
      }
    }
  }

  /// This pattern below another: `/admin` and `/status` make `/admin/status`, and `/admin` and `/` make `/admin`.
  func below(_ prefix: PathPattern) -> PathPattern {
    var joined = self
    let front =
      prefix.segments.last == .literal("") ? prefix.segments.dropLast() : prefix.segments[...]
    joined.segments = segments == [.literal("")] && !front.isEmpty ? Array(front) : front + segments
    require(
      Set(joined.names).count == joined.names.count,
      "parameters have different names: “\(joined.text)”")
    joined.checkTail()
    return joined
  }

  /// As it is written.
  var text: String {
    segments.map { segment in
      switch segment {
      case .literal(let text): "/\(text)"
      case .parameter(let name): "/:\(name)"
      case .tail(let name): "/*\(name)"
      }
    }.joined()
  }
}
