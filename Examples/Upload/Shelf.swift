// The files that were uploaded: their bytes in a directory, and what is said about them in the store.

import Freetser

extension Table {
  static let files: Table = "files"
}

struct Shelf: Sendable {
  /// What is said about a file.
  struct Item: Codable, Equatable, Sendable {
    var id: String
    var title: String
    /// What the client called it. For showing, never a path.
    var name: String
    var size: Int
  }

  /// What is kept about it.
  private struct Stored: Codable, Sendable {
    var item: Item
    /// Where it is, which is nobody's business.
    var path: String
  }

  let store: Store
  let directory: String
  private let items = TypedTable<Stored>(json: .files)

  init(store: Store, directory: String) {
    self.store = store
    self.directory = directory
  }

  func routes(limit: Int) -> Routes {
    var routes = Routes()
    routes.get("/") { _, _ in .html(page(try list())) }
    routes.get("/files") { _, _ in try .json(try list()) }
    let limits = RouteLimits(maximumBodySize: limit)
    routes.on(.post, "/files", limits: limits) { request, _, body in
      let item = try receive(request, &body)
      let isPage = request.preferredType(of: ["application/json", "text/html"]) == "text/html"
      return isPage ? .redirect(to: "/") : try .json(item, status: .created)
    }
    routes.get("/files/:id") { request, path in
      let id = path["id"]
      guard let stored = try store.read({ try items.get(id, in: $0) })?.value else {
        throw HTTPError.notFound
      }
      return try .download(at: stored.path, as: stored.item.name, for: request)
    }
    return routes
  }

  /// The newest 1,000, the newest first.
  private func list() throws -> [Item] {
    var all: [Item] = []
    try store.read { snapshot in
      try items.forEach(in: snapshot, backwards: true) { _, entry in
        all.append(entry.value.item)
        return all.count < 1_000
      }
    }
    return all
  }

  /// Writes the form's file to the directory while it comes, and then what is said about it into the store. If the client
  /// goes, or the form is broken, there is no file.
  private func receive(_ request: Request, _ body: inout RequestBody) throws -> Item {
    var (title, name) = ("", "")
    var file: SavedFile?
    try request.forEachPart(in: &body) { part in
      switch part.name {
      case "title": title = try part.text(limit: 200)
      case "file" where part.fileName != nil && file == nil:
        name = part.fileName!
        file = try part.save(to: directory)
      default: break
      }
    }
    guard let file else { throw HTTPError(.badRequest, "A file is wanted", field: "file") }
    let (heading, called) = (title.isEmpty ? name : title, name)
    return try store.execute { storage in
      let number = try storage.count(.files) + 1
      let id = String(repeating: "0", count: max(0, 9 - "\(number)".count)) + "\(number)"
      let item = Item(id: id, title: heading, name: called, size: file.size)
      try items.add(id, Stored(item: item, path: file.path), in: storage)
      return item
    }
  }

  // MARK: How it looks

  /// The page of the files.
  private func page(_ items: [Item]) -> String {
    """
    <!doctype html>
    <html lang="en">
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Files</title>
    <style>
      :root { color-scheme: light dark }
      * { box-sizing: border-box }
      body { max-width: 36rem; margin: 1rem auto; padding: 0 1rem; font: 17px/1.5 system-ui, sans-serif }
      form { display: grid; gap: .75rem; margin: 1rem 0 2rem }
      input, button { min-height: 2.75rem; font: inherit; width: 100% }
      li { overflow-wrap: anywhere; margin: .5rem 0 }
    </style>
    <h1>Files</h1>
    <form method="post" action="/files" enctype="multipart/form-data">
      <label for="title">Title</label>
      <input id="title" name="title" maxlength="100">
      <label for="file">File</label>
      <input id="file" name="file" type="file" required>
      <button>Upload</button>
    </form>
    <ul>
    \(items.map { "<li><a href=\"/files/\($0.id)\">\(escaped($0.title))</a>, \($0.size) bytes" }.joined(separator: "\n"))
    </ul>
    </html>
    """
  }

  private func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
  }
}
