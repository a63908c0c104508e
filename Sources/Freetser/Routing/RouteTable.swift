// Finds the route of a request.
//
// The patterns make a tree of segments. It is kept in flat arrays of numbers, so that walking it allocates and counts
// nothing; a path without percent escapes is compared where it was received.

import HTTPCore
import HTTPTypes

/// Routes, made ready for requests.
struct RouteTable: Sendable {
  private struct Node: Sendable {
    var edges = 0..<0
    var parameter: Int?
    var tail: Int?
    var routes = 0..<0
  }

  /// To a node, by a segment that is literal.
  private struct Edge: Sendable {
    var text: Range<Int>
    var node: Int
  }

  private struct Leaf: Sendable {
    /// Where it stands in the text.
    let method: Range<Int>
    let isForGet: Bool
    let names: [String]
    let handler: HeldHandler
  }

  /// A handler in an object, which can be lent.
  private final class HeldHandler: Sendable {
    private let handler: Handler

    init(_ handler: Handler) { self.handler = handler }

    func respond(
      to request: Request, _ parameters: PathParameters, _ body: inout RequestBody
    ) throws -> Response {
      try handler.respond(request, parameters, &body)
    }
  }

  private let tree: Tree
  private let literals: LiteralPaths

  private struct Tree: Sendable {
    var nodes: [Node] = []
    var edges: [Edge] = []
    var text: [UInt8] = []
    var leaves: [Leaf] = []

    mutating func keep(_ new: String) -> Range<Int> {
      let start = text.count
      text += new.utf8
      return start..<text.count
    }
  }

  /// What stands for a slash that was escaped, in a path whose escapes are decoded: no byte of UTF-8.
  private static let escapedSlash: UInt8 = 0xff

  init(_ routes: Routes) {
    var tree = Tree()
    Self.grow(&tree, routes.all.map { ($0.pattern.segments[...], $0) })
    self.tree = tree
    literals = LiteralPaths(Self.literalPaths(of: tree, below: 0))
  }

  /// Makes the node of these routes, of whose patterns these segments are left, and those below it.
  @discardableResult
  private static func grow(
    _ tree: inout Tree, _ routes: [(rest: ArraySlice<PathPattern.Segment>, route: Routes.Route)]
  ) -> Int {
    let node = tree.nodes.count
    tree.nodes.append(Node())
    var literals:
      [(text: String, routes: [(rest: ArraySlice<PathPattern.Segment>, route: Routes.Route)])] = []
    var (parameters, tails, ended) = (
      Array(routes.prefix(0)), Array(routes.prefix(0)), Array(routes.prefix(0))
    )
    for (rest, route) in routes {
      let next = (rest: rest.dropFirst(), route: route)
      switch rest.first {
      case .literal(let text):
        if let index = literals.firstIndex(where: { $0.text == text }) {
          literals[index].routes.append(next)
        } else {
          literals.append((text, [next]))
        }
      case .parameter: parameters.append(next)
      case .tail: tails.append(next)
      case nil: ended.append(next)
      }
    }
    let firstLeaf = tree.leaves.count
    for (_, route) in ended {
      tree.leaves.append(
        Leaf(
          method: tree.keep(route.method.rawValue), isForGet: route.method == .get,
          names: route.pattern.names, handler: HeldHandler(route.handler)))
    }
    tree.nodes[node].routes = firstLeaf..<tree.leaves.count
    let firstEdge = tree.edges.count
    for (text, _) in literals {
      tree.edges.append(Edge(text: tree.keep(text), node: 0))
    }
    tree.nodes[node].edges = firstEdge..<tree.edges.count
    for (index, (_, routes)) in literals.enumerated() {
      tree.edges[firstEdge + index].node = grow(&tree, routes)
    }
    if !parameters.isEmpty { tree.nodes[node].parameter = grow(&tree, parameters) }
    if !tails.isEmpty { tree.nodes[node].tail = grow(&tree, tails) }
    return node
  }

  /// The paths without parameters, and their leaves.
  private static func literalPaths(
    of tree: Tree, below node: Int, _ path: [UInt8] = []
  ) -> [(path: [UInt8], routes: Range<Int>)] {
    let routes = tree.nodes[node].routes
    let below = tree.nodes[node].edges.flatMap { edge in
      literalPaths(
        of: tree, below: tree.edges[edge].node,
        path + [UInt8(ascii: "/")] + tree.text[tree.edges[edge].text])
    }
    return routes.isEmpty ? below : [(path, routes)] + below
  }
}

// MARK: Finding

extension RouteTable {
  /// What there is for a request.
  private enum Match {
    case route(Int, [String])
    /// The path has these routes, but none for the method.
    case otherMethods([Int])
    case nothing
    /// The path has a broken escape, or is not UTF-8.
    case malformed
  }

  /// Answers by the handler of the request's route.
  ///
  /// - Throws: What the handler throws; ``HTTPError`` if there is none.
  func respond(
    to request: Request, _ body: inout RequestBody
  ) throws -> Response {
    if let leaf = findLiteral(request.head) {
      return try respond(by: leaf, to: request, Self.noParameters, &body)
    }
    return try respondByPattern(to: request, &body)
  }

  private static let noParameters = PathParameters()

  // What is taken out of an array is counted up and down, and all connections would fight over the count. Here it is lent: the
  // routes' handler has the table, and the server has that as long as anything is answered.
  private func respond(
    by leaf: Int, to request: Request, _ parameters: PathParameters, _ body: inout RequestBody
  ) throws -> Response {
    try unsafe Unmanaged.passUnretained(tree.leaves[leaf].handler)._withUnsafeGuaranteedRef {
      try $0.respond(to: request, parameters, &body)
    }
  }

  /// The same for a request whose method and path are not those of a route, letter for letter.
  // Not inlined, as it needs much of the stack, which every connection would then touch.
  @inline(never)
  private func respondByPattern(
    to request: Request, _ body: inout RequestBody
  ) throws -> Response {
    switch find(request.head) {
    case .route(let leaf, let values):
      let parameters = PathParameters(names: tree.leaves[leaf].names, values: values)
      return try respond(by: leaf, to: request, parameters, &body)
    case .otherMethods(let routes): return try answer(request, insteadOf: routes)
    case .malformed: throw HTTPError(.badRequest, "The path has a broken escape")
    case .nothing: throw HTTPError.notFound
    }
  }

  private func answer(_ request: Request, insteadOf routes: [Int]) throws(HTTPError) -> Response {
    let allow: ResponseFields = [.allow: allow(routes)]
    if request.head.hasMethod("OPTIONS") { return .empty(status: .noContent, fields: allow) }
    throw HTTPError(.methodNotAllowed, fields: allow)
  }

  /// The value of `Allow`, with what is answered without a route of its own.
  private func allow(_ routes: [Int]) -> String {
    var all = Set(routes.map { String(copying: tree.text.span, tree.leaves[$0].method) })
    if all.contains("GET") { all.insert("HEAD") }
    all.insert("OPTIONS")
    return all.sorted().joined(separator: ", ")
  }

  private func findLiteral(_ head: RequestHead) -> Int? {
    head.withTarget { target in
      let scan = PathScan(target)
      let routes = literals.routes(of: target.extracting(0..<scan.end), hash: scan.hash)
      for leaf in routes where isFor(head, leaf) { return leaf }
      return nil
    }
  }

  private func isFor(_ head: RequestHead, _ leaf: Int) -> Bool {
    head.hasMethod(tree.text.span.extracting(tree.leaves[leaf].method))
  }

  private func find(_ head: RequestHead) -> Match {
    head.withTarget { target in
      // OPTIONS * asks about the server as a whole.
      if target.count == 1, target[0] == UInt8(ascii: "*") {
        return .otherMethods(Array(tree.leaves.indices))
      }
      let path = target.extracting(TargetParts(target).path)
      if path.isEmpty { return find(head, [UInt8(ascii: "/")].span) }
      let hasEscape = path.indices.contains { path[$0] == UInt8(ascii: "%") }
      guard hasEscape else { return find(head, path) }
      guard let decoded = PercentEncoding.decode(path, slash: Self.escapedSlash) else {
        return .malformed
      }
      return find(head, decoded.span)
    }
  }

  private func find(_ head: RequestHead, _ path: Span<UInt8>) -> Match {
    guard path[0] == UInt8(ascii: "/") else { return .nothing }
    var search = Search(head)
    guard find(from: 0, at: 1, of: path, &search), let leaf = search.leaf else {
      return search.otherMethods.isEmpty ? .nothing : .otherMethods(search.otherMethods)
    }
    return .route(leaf, search.values.map { text(of: path, $0) })
  }

  private struct Search: ~Copyable {
    let head: RequestHead
    var values: [Range<Int>] = []
    var leaf: Int?
    var otherMethods: [Int] = []

    init(_ head: RequestHead) { self.head = head }
  }

  /// Looks below a node for the segments from `start` on. Each node is seen once at most, as there is one way to it.
  ///
  /// - Returns: Whether the search has found its leaf.
  private func find(
    from node: Int, at start: Int, of path: Span<UInt8>, _ search: inout Search
  ) -> Bool {
    let end = (start..<path.count).first { path[$0] == UInt8(ascii: "/") } ?? path.count
    for index in tree.nodes[node].edges where equals(path, start..<end, tree.edges[index].text) {
      if goOn(to: tree.edges[index].node, end, of: path, &search) { return true }
    }
    if let next = tree.nodes[node].parameter, start < end {
      search.values.append(start..<end)
      if goOn(to: next, end, of: path, &search) { return true }
      search.values.removeLast()
    }
    guard let next = tree.nodes[node].tail else { return false }
    // What its segments are could not be told any more.
    if (start..<path.count).contains(where: { path[$0] == Self.escapedSlash }) { return false }
    search.values.append(start..<path.count)
    if finish(at: next, &search) { return true }
    search.values.removeLast()
    return false
  }

  private func goOn(
    to node: Int, _ end: Int, of path: Span<UInt8>, _ search: inout Search
  ) -> Bool {
    end < path.count
      ? find(from: node, at: end + 1, of: path, &search) : finish(at: node, &search)
  }

  /// Looks for the method among the routes of a node at which the path ends.
  private func finish(at node: Int, _ search: inout Search) -> Bool {
    let routes = tree.nodes[node].routes
    for index in routes where isFor(search.head, index) {
      search.leaf = index
      return true
    }
    if search.head.hasMethod("HEAD") {
      for index in routes where tree.leaves[index].isForGet {
        search.leaf = index
        return true
      }
    }
    search.otherMethods += routes
    return false
  }

  private func equals(_ path: Span<UInt8>, _ range: Range<Int>, _ text: Range<Int>) -> Bool {
    guard range.count == text.count else { return false }
    for offset in 0..<range.count
    where path[range.lowerBound + offset] != tree.text[text.lowerBound + offset] {
      return false
    }
    return true
  }

  private func text(of path: Span<UInt8>, _ range: Range<Int>) -> String {
    let part = path.extracting(range)
    guard (part.indices.contains { part[$0] == Self.escapedSlash }) else {
      return String(copying: path, range)
    }
    return String(
      decoding: part.indices.map { part[$0] == Self.escapedSlash ? UInt8(ascii: "/") : part[$0] },
      as: UTF8.self)
  }
}
