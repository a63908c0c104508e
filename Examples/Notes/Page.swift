// How it looks. Text becomes HTML here and nowhere else.

import Freetser

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

enum Page {
  /// The page of the notes.
  static func notes(_ notes: [Note], upTo sequence: Int64) -> String {
    frame(
      """
      <header>
        <h1>Notes</h1>
        <a href="/export">Export</a>
        <form method="post" action="/logout"><button class="quiet">Log out</button></form>
      </header>
      <form class="new" method="post" action="/notes">
        <label for="text">A new note</label>
        <textarea id="text" name="text" rows="3" maxlength="10000" required autofocus></textarea>
        <button>Add note</button>
      </form>
      <ul id="notes" data-after="\(sequence)">
      \(notes.map(item).joined(separator: "\n"))
      </ul>
      <p class="empty">No notes yet. The first one is yours.</p>
      <script src="/assets/live.js" defer></script>
      """)
  }

  static func login(isWrong: Bool = false) -> String {
    frame(
      """
      <header><h1>Notes</h1></header>
      <form class="login" method="post" action="/login">
        <label for="password">Password</label>
        <input id="password" name="password" type="password" autocomplete="current-password" required autofocus>
        \(isWrong ? #"<p class="wrong" role="alert">That is not it.</p>"# : "")
        <button>Log in</button>
      </form>
      """)
  }

  static func item(_ note: Note) -> String {
    """
    <li id="note-\(note.id)"><p>\(escaped(note.text))</p>\
    <form method="post" action="/notes/\(note.id)/delete">\
    <time data-seconds="\(note.writtenAt)">\(date(note.writtenAt))</time>\
    <button class="quiet" aria-label="Delete this note">Delete</button></form></li>
    """
  }

  /// In UTC; the page's script shows the reader's own time.
  private static func date(_ seconds: Int64) -> String {
    Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
  }

  private static func frame(_ content: String) -> String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>Notes</title>
    <link rel="stylesheet" href="/assets/style.css">
    <link rel="icon" href="/assets/icon.svg">
    </head>
    <body>
    <main>
    \(content)
    </main>
    </body>
    </html>
    """
  }

  /// Text that means itself, in HTML and in the values of its attributes.
  private static func escaped(_ text: String) -> String {
    var html = ""
    for character in text.unicodeScalars {
      switch character {
      case "&": html += "&amp;"
      case "<": html += "&lt;"
      case ">": html += "&gt;"
      case "\"": html += "&quot;"
      case "'": html += "&#39;"
      default: html.unicodeScalars.append(character)
      }
    }
    return html
  }
}
