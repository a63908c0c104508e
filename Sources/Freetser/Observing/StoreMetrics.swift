// What of a store is shown to Prometheus.

import KVStore
import Threads

extension PrometheusPage {
  /// Adds what the store has done and does, and how large it is.
  mutating func add(_ store: Store) {
    let activity = store.activity
    addCounter(
      "freetser_store_routines_total", help: "Routines that were run.", activity.routines)
    addCounter("freetser_store_commits_total", help: "Transactions stored.", activity.commits)
    addCounter(
      "freetser_store_committed_routines_total", help: "Routines that they had in them.",
      activity.committedRoutines)
    addTimes(
      "freetser_store_routine_duration_seconds", help: "How long routines took.",
      activity.routineTimes)
    addTimes(
      "freetser_store_commit_duration_seconds", help: "How long commits took.",
      activity.commitTimes)
    addCounter("freetser_store_reads_total", help: "Routines that only read.", activity.reads)
    addCounter(
      "freetser_store_ended_snapshots_total", help: "Snapshots ended as they were too old.",
      activity.endedSnapshots)
    addCounter(
      "freetser_store_removed_entries_total", help: "Entries deleted as they had expired.",
      activity.removedEntries)
    addCounter(
      "freetser_store_cache_hits_total", help: "Pages found in the cache.", activity.cacheHits)
    addCounter(
      "freetser_store_cache_misses_total", help: "Pages read from the file.",
      activity.cacheMisses)
    addGauge(
      "freetser_store_waiting_callers", help: "Callers that wait.",
      Double(activity.waitingCallers))
    addGauge("freetser_store_readers", help: "Callers that read.", Double(activity.readers))
    addGauge(
      "freetser_store_oldest_snapshot_seconds", help: "Age of the oldest snapshot in use.",
      activity.oldestSnapshot / .seconds(1))
    addSize(of: store)
  }

  /// A store that cannot tell has a size of nothing: one that is closed, or whose file cannot be read.
  private mutating func addSize(of store: Store) {
    let sizes = try? store.statistics()
    addGauge(
      "freetser_store_up", help: "Whether the store answers.", sizes == nil ? 0 : 1)
    guard let sizes else { return }
    addGauge(
      "freetser_store_file_bytes", help: "Length of the file.", Double(sizes.fileSizeInBytes))
    addGauge(
      "freetser_store_log_bytes", help: "Length of the log beside it.",
      Double(sizes.logSizeInBytes))
    addGauge(
      "freetser_store_page_bytes", help: "Length of a page.", Double(sizes.pageSizeInBytes))
    addGauge("freetser_store_pages", help: "Pages in file and log.", Double(sizes.pages))
    addGauge("freetser_store_free_pages", help: "Pages that hold nothing.", Double(sizes.freePages))
  }

  private mutating func addTimes(_ name: String, help: String, _ times: DurationCounts) {
    begin(name, .histogram, help: help)
    let limits = (0..<(times.counts.count - 1)).map { DurationCounts.limit(at: $0) / .seconds(1) }
    addHistogram(limits: limits, counts: times.counts, sum: times.total / .seconds(1))
  }
}
