// What is on the status page, but for how it looks. All of it is numbers: there is nothing to escape.

import KVStore
import Threads

/// The page's sections, one after the other.
struct StatusContent {
  private(set) var html = ""

  init(_ counts: ServerActivity.Counts, _ store: Store?) {
    add(counts)
    html += "<div class=\"boxes\">\n"
    addAnswers(counts)
    if let store {
      add(store)
      html += "</div>\n<div class=\"boxes\">\n"
    }
    addTimes("How long until responses begin", counts.responseTimes)
    if let activity = store?.activity {
      addTimes("How long routines take", activity.routineTimes)
      addTimes("How long commits take", activity.commitTimes)
    }
    html += "</div>\n"
  }

  /// What there is to see first.
  private mutating func add(_ counts: ServerActivity.Counts) {
    let times = counts.responseTimes
    html += """
      <p class="since">up \(Shown.time(counts.uptime)) · \(Shown.present()) UTC</p>
      <div class="tiles">
      \(tile("Requests/s", Shown.decimal(counts.requestsPerSecond), "in the last minute"))
      \(tile("Connections", Shown.count(counts.connections), "of \(Shown.count(counts.allConnections)) so far"))
      \(tile("Half answered in", Shown.time(times.percentile(0.5)), "99 % in \(Shown.time(times.percentile(0.99)))"))
      \(tile("Sent", Shown.bytes(counts.bytesSent), "in \(Shown.count(counts.requests)) responses"))
      </div>

      """
    addLastMinute(counts)
  }

  private func tile(_ name: String, _ value: String, _ more: String) -> String {
    "<section class=\"tile\"><h2>\(name)</h2><p class=\"value\">\(value)</p><p>\(more)</p></section>"
  }

  // MARK: The last minute

  /// A bar for each second, the present on the right.
  private mutating func addLastMinute(_ counts: ServerActivity.Counts) {
    let most = counts.lastMinute.max() ?? 0
    let first = RecentSeconds.count - counts.lastMinute.count
    var bars = ""
    for (index, count) in counts.lastMinute.enumerated() where count > 0 {
      // What is there is seen.
      let height = max(2, count * 100 / most)
      bars += """
        <rect x="\((first + index) * 10 + 1)" y="\(100 - height)" width="8" height="\(height)"/>
        """
    }
    html += """
      <section><h2>The last minute</h2>
      <svg class="minute" viewBox="0 0 600 100" preserveAspectRatio="none" role="img" \
      aria-label="At most \(most) requests a second">\(bars)</svg>
      <p class="ends"><span>60 s ago</span><span>at most \(Shown.count(most)) a second</span>\
      <span>now</span></p></section>

      """
  }

  // MARK: How requests were answered

  private mutating func addAnswers(_ counts: ServerActivity.Counts) {
    let classes = [
      ("ok", "2xx", "successful", counts.successful),
      ("moved", "3xx", "redirected", counts.redirections),
      ("theirs", "4xx", "client’s errors", counts.clientErrors),
      ("ours", "5xx", "server’s errors", counts.serverErrors),
      ("other", "101", "other protocols", counts.informational),
      ("none", "–", "client left", counts.unanswered),
    ]
    let all = max(1, counts.requests)
    var bars = ""
    var start = 0.0
    for (style, _, _, count) in classes where count > 0 {
      let width = Double(count) * 100 / Double(all)
      bars += "<rect class=\"\(style)\" x=\"\(start)%\" width=\"\(width)%\" height=\"100%\"/>"
      start += width
    }
    let rows = classes.map { style, name, meaning, count in
      """
      <tr><th><i class="\(style)"></i>\(name)</th><td>\(meaning)</td>\
      <td>\(Shown.count(count))</td></tr>
      """
    }
    html += """
      <section><h2>Answers</h2><svg class="classes" aria-hidden="true">\(bars)</svg>
      <table>\(rows.joined())</table></section>

      """
  }

  // MARK: Times

  /// The percentiles, and a bar for each order of magnitude that there was.
  private mutating func addTimes(_ name: String, _ times: DurationCounts) {
    html += "<section><h2>\(name)</h2>\n"
    defer { html += "</section>\n" }
    guard let first = times.counts.firstIndex(where: { $0 > 0 }),
      let last = times.counts.lastIndex(where: { $0 > 0 })
    else {
      html += "<p>None yet.</p>"
      return
    }
    let percentiles = [("half", 0.5), ("90 %", 0.9), ("99 %", 0.99), ("longest", 1)]
      .map { name, part in "<dt>\(name)</dt><dd>\(Shown.time(times.percentile(part)))</dd>" }
    html += "<dl class=\"row\">\(percentiles.joined())</dl>\n<table class=\"bars\">"
    let most = times.counts.max() ?? 1
    for index in first...last {
      let limit =
        index < times.counts.count - 1
        ? "&lt; \(Shown.time(DurationCounts.limit(at: index)))" : "longer"
      let count = times.counts[index]
      // What is there is seen.
      let width = count == 0 ? 0 : max(1, Double(count) * 100 / Double(most))
      html += """
        <tr><th>\(limit)</th><td><svg aria-hidden="true"><rect width="\(width)%" height="100%"/>\
        </svg></td><td>\(Shown.count(count))</td></tr>
        """
    }
    html += "</table>"
  }

  // MARK: The store

  /// What it does, and how large it is.
  private mutating func add(_ store: Store) {
    let activity = store.activity
    let looks = activity.cacheHits + activity.cacheMisses
    let hits = looks == 0 ? 0 : Double(activity.cacheHits) * 100 / Double(looks)
    var rows = [
      ("Routines", Shown.count(activity.routines)),
      ("Commits", Shown.count(activity.commits)),
      ("Routines in a commit", Shown.decimal(activity.routinesPerCommit)),
      ("Reads", Shown.count(activity.reads)),
      ("Callers that wait", Shown.count(activity.waitingCallers)),
      ("Callers that read", Shown.count(activity.readers)),
      ("Oldest snapshot", Shown.time(activity.oldestSnapshot)),
      ("Found in the cache", "\(Shown.decimal(hits)) %"),
      ("Entries that expired", Shown.count(activity.removedEntries)),
    ]
    if let sizes = try? store.statistics() {
      rows += [
        ("File", Shown.bytes(sizes.fileSizeInBytes)), ("Log", Shown.bytes(sizes.logSizeInBytes)),
        ("Free", Shown.bytes(sizes.freePages * sizes.pageSizeInBytes)),
      ]
    } else {
      rows.append(("Its file", "cannot be read"))
    }
    let items = rows.map { "<div><dt>\($0.0)</dt><dd>\($0.1)</dd></div>" }.joined()
    html += "<section><h2>Store</h2><dl class=\"facts\">\(items)</dl></section>\n"
  }
}
