// What is in a file, by the end of its name.

enum MediaTypes {
  /// What says nothing, so that clients save it.
  static let unknown = "application/octet-stream"

  /// The media type of files of a name.
  ///
  /// - Parameters:
  ///   - name: The last part of a path.
  ///   - others: Types by endings in lower case, which come before those here.
  static func type(of name: String, or others: [String: String] = [:]) -> String {
    // A name that begins with its only dot has no ending.
    guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")), dot > name.startIndex else {
      return unknown
    }
    let ending = name[name.utf8.index(after: dot)...]
    guard ending.isStreamSafe else { return unknown }
    let lowercased = ending.lowercased()
    return others[lowercased] ?? byEnding[lowercased] ?? unknown
  }

  /// As IANA has them, or if it has none, as browsers know them. Text is in UTF-8.
  private static let byEnding = [
    // Pages
    "css": "text/css; charset=utf-8",
    "htm": "text/html; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "map": "application/json",
    "mjs": "text/javascript; charset=utf-8",
    "wasm": "application/wasm",
    "webmanifest": "application/manifest+json",
    "xhtml": "application/xhtml+xml",
    // Text
    "atom": "application/atom+xml",
    "csv": "text/csv; charset=utf-8",
    "ics": "text/calendar; charset=utf-8",
    "jsonld": "application/ld+json",
    "log": "text/plain; charset=utf-8",
    "markdown": "text/markdown; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "rss": "application/rss+xml",
    "rtf": "application/rtf",
    "toml": "application/toml",
    "tsv": "text/tab-separated-values; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "vcf": "text/vcard; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
    "xml": "application/xml",
    "yaml": "application/yaml",
    "yml": "application/yaml",
    // Pictures
    "apng": "image/apng",
    "avif": "image/avif",
    "bmp": "image/bmp",
    "gif": "image/gif",
    "heic": "image/heic",
    "ico": "image/vnd.microsoft.icon",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "jxl": "image/jxl",
    "png": "image/png",
    "svg": "image/svg+xml",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "webp": "image/webp",
    // Sound and film
    "aac": "audio/aac",
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "m4v": "video/mp4",
    "mkv": "video/matroska",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "ogv": "video/ogg",
    "opus": "audio/ogg",
    "wav": "audio/wav",
    "weba": "audio/webm",
    "webm": "video/webm",
    // Letters
    "otf": "font/otf",
    "ttf": "font/ttf",
    "woff": "font/woff",
    "woff2": "font/woff2",
    // Documents and archives
    "7z": "application/x-7z-compressed",
    "br": "application/x-brotli",
    "bz2": "application/x-bzip2",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "epub": "application/epub+zip",
    "gz": "application/gzip",
    "odt": "application/vnd.oasis.opendocument.text",
    "pdf": "application/pdf",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "tar": "application/x-tar",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xz": "application/x-xz",
    "zip": "application/zip",
    "zst": "application/zstd",
  ]
}
