// The page for Prometheus: valid whatever the program counts, right, and never larger than it may be.

import CoreMetrics
import FreetserTesting
import HTTPTypes
import KVStore
import StreamSimulation
import Testing
import Threads

@testable import Freetser

@Suite("Metrics for Prometheus", .serialized)
struct PrometheusTests {
  private let metrics = PrometheusMetrics()

  private var page: PrometheusText {
    get throws { try PrometheusText(metrics.text()) }
  }

  @Test("The page, to the letter")
  func letter() throws {
    let counter = Counter(
      label: "app.sales", dimensions: [("kind", "a\"b\\c\nd"), ("shop", "1")], factory: metrics)
    counter.increment(by: 3)
    Gauge(label: "temperature", factory: metrics).record(-2.5)
    let sizes = Recorder(label: "sizes", factory: metrics)
    for size in [1.5, 2, 4] { sizes.record(size) }
    #expect(
      metrics.text() == """
        # HELP app_sales_total app.sales
        # TYPE app_sales_total counter
        app_sales_total{kind="a\\"b\\\\c\\nd",shop="1"} 3
        # HELP sizes sizes
        # TYPE sizes summary
        sizes_sum 7.5
        sizes_count 3
        # HELP temperature temperature
        # TYPE temperature gauge
        temperature -2.5
        # HELP freetser_metrics_dropped_series_total Series that are not shown.
        # TYPE freetser_metrics_dropped_series_total counter
        freetser_metrics_dropped_series_total 0

        """)
    #expect(try page.values["app_sales_total{kind=\"a\"b\\c\nd\",shop=\"1\"}"] == 3)
  }

  @Test("A timer is a histogram in seconds, each time in the bucket that it just fits into")
  func timer() throws {
    let timer = Timer(label: "wait", dimensions: [("a", "b")], factory: metrics)
    let limits = PrometheusHistogram.limits
    for limit in limits {
      timer.recordNanoseconds(Int64((limit * 1e9).rounded()))
      timer.recordNanoseconds(Int64((limit * 1e9).rounded()) + 1)
    }
    let page = try page
    #expect(page.families["wait_seconds"]?.type == "histogram")
    for (index, limit) in limits.enumerated() {
      let series =
        "wait_seconds_bucket{a=\"b\",le=\"\(limit >= 1 && limit != 2.5 ? "\(Int(limit))" : "\(limit)")\"}"
      #expect(page.values[series] == Double(2 * index + 1), "\(series)")
    }
    #expect(page.values["wait_seconds_bucket{a=\"b\",le=\"+Inf\"}"] == Double(2 * limits.count))
    #expect(page.values["wait_seconds_count{a=\"b\"}"] == Double(2 * limits.count))
    let sum = try #require(page.values["wait_seconds_sum{a=\"b\"}"])
    #expect(abs(sum - 2 * limits.reduce(0, +)) < 1e-6)
  }

  @Test("Times that no clock measures do not end the program")
  func extremes() throws {
    let timer = Timer(label: "wait", factory: metrics)
    for time in [Int64.max, .max, .min, -1, 0] { timer.recordNanoseconds(time) }
    #expect(try page.values["wait_seconds_count"] == 5)
    #expect(try page.values["wait_seconds_bucket{le=\"10\"}"] == 3)
  }

  @Test(
    "Names are made valid",
    arguments: [
      ("http.server", "http_server"), ("a:b_C9", "a:b_C9"), ("9lives", "_9lives"), ("", "_"),
      ("ü-\n\"{}", "______"), ("a total", "a_total"),
    ])
  func names(_ label: String, name: String) throws {
    Gauge(label: label, factory: metrics).record(1)
    #expect(try page.values[name] == 1)
    #expect(try page.families[name]?.help == label)
  }

  @Test("Suffixes say what is counted, once")
  func suffixes() throws {
    Counter(label: "a", factory: metrics).increment()
    Counter(label: "b_total", factory: metrics).increment()
    Timer(label: "c", factory: metrics).recordSeconds(1)
    Timer(label: "d.seconds", factory: metrics).recordSeconds(1)
    let names = try page.families.keys.filter { !$0.hasPrefix("freetser") }
    #expect(Set(names) == ["a_total", "b_total", "c_seconds", "d_seconds"])
  }

  @Test(
    "Labels are made valid; of a name the first counts, and empty ones are none",
    arguments: [
      ([("a", "1"), ("a", "2")], "g{a=\"1\"}"), ([("b", "1"), ("a", "2")], "g{a=\"2\",b=\"1\"}"),
      ([("a.b", "1"), ("a-b", "2")], "g{a_b=\"1\"}"), ([("__name__", "x")], "g{_name__=\"x\"}"),
      ([("", "x"), ("1", "y"), ("a:b", "z")], "g{_=\"x\",_1=\"y\",a_b=\"z\"}"),
      ([("le", "x"), ("quantile", "y")], "g{le=\"x\",quantile=\"y\"}"), ([("a", "")], "g"),
      ([("ü", "ü\r\u{2028}\0")], "g{_=\"ü\r\u{2028}\0\"}"),
    ] as [([(String, String)], String)])
  func labels(_ labels: [(String, String)], series: String) throws {
    Gauge(label: "g", dimensions: labels, factory: metrics).record(1)
    #expect(try page.values[series] == 1, "\(metrics.text())")
  }

  @Test("Labels that mean something to a histogram or summary are renamed there")
  func reservedLabels() throws {
    Timer(label: "t", dimensions: [("le", "x")], factory: metrics).recordSeconds(1)
    Recorder(label: "r", dimensions: [("quantile", "x")], factory: metrics).record(1)
    #expect(try page.values["t_seconds_count{le_=\"x\"}"] == 1)
    #expect(try page.values["r_count{quantile_=\"x\"}"] == 1)
  }

  @Test("The same name and labels are the same metric, in whichever order and however it is made")
  func same() throws {
    let labels = [("a", "1"), ("b", "2")]
    Counter(label: "c", dimensions: labels, factory: metrics).increment(by: 2)
    Counter(label: "c", dimensions: labels.reversed(), factory: metrics).increment()
    FloatingPointCounter(label: "c", dimensions: labels, factory: metrics).increment(by: 0.5)
    let gauge = Gauge(label: "g", factory: metrics)
    let meter = Meter(label: "g", factory: metrics)
    gauge.record(5)
    meter.increment(by: 2.0)
    meter.decrement()
    #expect(try page.values["c_total{a=\"1\",b=\"2\"}"] == 3.5)
    #expect(try page.values["g"] == 6)
    #expect(try page.values["freetser_metrics_dropped_series_total"] == 0)
  }

  @Test("What would make the page invalid is dropped and counted")
  func conflicts() throws {
    Gauge(label: "a.total", factory: metrics).record(1)
    Counter(label: "a", factory: metrics).increment()  // a_total is a gauge
    Timer(label: "b", factory: metrics).recordSeconds(1)
    Gauge(label: "b_seconds", factory: metrics).record(1)  // the histogram's own name
    Gauge(label: "b_seconds_count", factory: metrics).record(1)  // the name of one of its lines
    Gauge(label: "c_sum", factory: metrics).record(1)
    Recorder(label: "c", factory: metrics).record(1)  // would have a line c_sum
    Gauge(label: "freetser.store.up", factory: metrics).record(7)
    let store = try Store.inMemory(tables: ["a"])
    let page = try PrometheusText(metrics.text(with: store))
    #expect(page.values["a_total"] == 1 && page.families["a_total"]?.type == "gauge")
    #expect(page.values["freetser_store_up"] == 1)
    #expect(page.values["c_sum"] == 1 && page.families["c"] == nil)
    #expect(page.values["freetser_metrics_dropped_series_total"] == 6)  // the summary has two
  }

  @Test("There are never more series than may be, and room again when some are destroyed")
  func limit() throws {
    let metrics = PrometheusMetrics(seriesLimit: 22)
    func count() throws -> Int {
      try PrometheusText(metrics.text()).values.keys.count { !$0.hasPrefix("freetser") }
    }
    let timer = Timer(label: "t", factory: metrics)
    let gauges = (1...5).map { number in
      Gauge(label: "g", dimensions: [("number", "\(number)")], factory: metrics)
    }
    for gauge in gauges { gauge.record(1) }
    #expect(try count() == 19 + 3)
    func dropped() throws -> Double? {
      try PrometheusText(metrics.text()).values["freetser_metrics_dropped_series_total"]
    }
    #expect(try dropped() == 2)
    // Those that were dropped can be used and destroyed all the same.
    gauges[4].destroy()
    Recorder(label: "r", factory: metrics).record(1)
    #expect(try dropped() == 4)
    timer.destroy()
    #expect(try count() == 3)
    Recorder(label: "r", factory: metrics).record(1)
    Counter(label: "t_seconds", factory: metrics).increment()
    #expect(try count() == 3 + 2 + 1)
    for gauge in gauges.prefix(3) { gauge.destroy() }
    Counter(label: "g", factory: metrics).destroy()
    #expect(try count() == 3)
    #expect(try PrometheusText(metrics.text()).families["g"] == nil)
  }

  @Test("Counters only rise, and nothing that is no number is added up")
  func values() throws {
    let counter = Counter(label: "c", factory: metrics)
    counter.increment(by: 5)
    counter.increment(by: -3)
    counter.increment(by: Int64.max)
    let double = FloatingPointCounter(label: "d", factory: metrics)
    for amount in [0.25, -1, .nan, .infinity, 0.5] { double.increment(by: amount) }
    let recorder = Recorder(label: "r", factory: metrics)
    for value in [1.5, .nan, .infinity, -.infinity, -2] { recorder.record(value) }
    for (number, value) in [Double.infinity, -.infinity, .nan, 1e300, 1e-7, 0.1].enumerated() {
      Gauge(label: "g\(number)", factory: metrics).record(value)
    }
    let page = try page
    #expect(page.values["c_total"] == 0x1p63)
    #expect(page.values["d_total"] == 0.75)
    #expect(page.values["r_sum"] == -0.5 && page.values["r_count"] == 2)
    #expect(page.values["g0"] == .infinity && page.values["g1"] == -.infinity)
    #expect(page.values["g2"]?.isNaN == true)
    #expect(page.values["g3"] == 1e300 && page.values["g4"] == 1e-7 && page.values["g5"] == 0.1)
    counter.reset()
    double.reset()
    #expect(try self.page.values["c_total"] == 0 && self.page.values["d_total"] == 0)
  }

  @Test("A gauge may have the least and the largest number", arguments: [Int64.min, .max])
  func extremes(_ number: Int64) throws {
    Gauge(label: "g", factory: metrics).record(number)
    #expect(try page.values["g"] == Double(number))
  }

  @Test("Whatever names and labels a program makes up: the page is valid")
  func random() throws {
    var generator = SeededGenerator(seed: .random(in: 0...UInt64.max))
    let alphabet = Array("ab_:9.\"\\\n{},= é\r\u{301}#")
    func text() -> String {
      String(
        (0..<Int.random(in: 0...4, using: &generator)).map { _ in
          alphabet.randomElement(using: &generator)!
        })
    }
    let metrics = PrometheusMetrics(seriesLimit: 3_000)
    for _ in 1...2_000 {
      let labels = (0..<Int.random(in: 0...2, using: &generator)).map { _ in (text(), text()) }
      switch Int.random(in: 0...4, using: &generator) {
      case 0: Counter(label: text(), dimensions: labels, factory: metrics).increment()
      case 1: Gauge(label: text(), dimensions: labels, factory: metrics).record(1)
      case 2: Recorder(label: text(), dimensions: labels, factory: metrics).record(1)
      case 3: Timer(label: text(), dimensions: labels, factory: metrics).recordSeconds(1)
      default: Meter(label: text(), dimensions: labels, factory: metrics).destroy()
      }
    }
    let page = try PrometheusText(metrics.text())
    #expect(page.values.count > 100 && page.values.count <= 3_001)
  }

  @Test("Many threads count together, while the page is made")
  func threads() throws {
    let metrics = PrometheusMetrics()
    let ended = Monitor(0)
    for number in 1...8 {
      try Thread.startDetached(name: "counting") {
        let timer = Timer(label: "t", factory: metrics)
        let meter = Meter(label: "m", factory: metrics)
        for _ in 1...1_000 {
          Counter(label: "c", dimensions: [("n", "\(number % 2)")], factory: metrics).increment()
          FloatingPointCounter(label: "d", factory: metrics).increment(by: 0.5)
          timer.recordNanoseconds(1_000_000)
          meter.increment()
          if number == 1 { _ = metrics.text() }
        }
        ended.withLock { $0 += 1 }
        ended.wakeAll()
      }
    }
    #expect(ended.wait(until: .now() + .seconds(60)) { $0 == 8 ? true : nil } == true)
    let page = try PrometheusText(metrics.text())
    #expect(page.values["c_total{n=\"0\"}"] == 4_000 && page.values["c_total{n=\"1\"}"] == 4_000)
    #expect(page.values["d_total"] == 4_000 && page.values["m"] == 8_000)
    #expect(page.values["t_seconds_count"] == 8_000 && page.values["t_seconds_sum"] == 8)
  }
}

@Suite("Metrics of a server", .serialized)
struct ServerMetricsTests {
  @Test("A server's page has its requests, its connections and its store's statistics")
  func server() throws {
    let metrics = PrometheusMetrics()
    let path = try makeTemporaryPath(suffix: ".sqlite")
    let store = try Store(path: path, tables: ["a"])
    try store.execute { try $0.add("a", "key", "value") }
    _ = try store.read { try $0.get("a", "key") }
    var configuration = ServerConfiguration()
    configuration.observers.append(ServerMetrics(factory: metrics))
    var routes = Routes()
    routes.get("/", handler: Handler { _, _ in .text("") })
    routes.get("/metrics", handler: .metrics(metrics, store: store))
    routes.on(.init("BREW")!, "/", handler: Handler { _, _ in .text("") })
    let client = try TestClient(
      Server(.tcp(port: 0), routes: routes, configuration: configuration))
    for _ in 1...2 { _ = try client.get("/") }
    _ = try client.get("/else")
    _ = try client.send(.init("BREW")!, "/")
    _ = try client.send(.init("brew")!, "/")
    let response = try client.get("/metrics")
    #expect(response.fields["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8")
    #expect(response.fields["Cache-Control"] == "no-store")
    let page = try PrometheusText(response.text)
    for (labels, count) in [
      ("method=\"GET\",status=\"200\"", 2.0), ("method=\"GET\",status=\"404\"", 1),
      ("method=\"other\",status=\"200\"", 1), ("method=\"other\",status=\"405\"", 1),
    ] {
      #expect(page.values["http_server_requests_total{\(labels)}"] == count)
      #expect(page.values["http_server_duration_seconds_count{\(labels)}"] == count)
    }
    #expect(page.values["http_server_connections"] == 1)
    #expect(page.values["freetser_store_up"] == 1)
    #expect(page.values["freetser_store_routines_total"] == 1)
    #expect(page.values["freetser_store_commits_total"] == 1)
    #expect(page.values["freetser_store_routine_duration_seconds_count"] == 1)
    #expect(page.values["freetser_store_commit_duration_seconds_bucket{le=\"+Inf\"}"] == 1)
    #expect(page.values["freetser_store_reads_total"] == 1)
    let sizes = try store.statistics()
    #expect(page.values["freetser_store_log_bytes"] == Double(sizes.logSizeInBytes))
    #expect(page.values["freetser_store_pages"] == Double(sizes.pages))
    try store.close()
    let closed = try PrometheusText(client.get("/metrics").text)
    #expect(closed.values["freetser_store_up"] == 0)
    #expect(closed.values["freetser_store_pages"] == nil)
  }

  /// Counts how often it is asked for what.
  private final class CountingFactory: MetricsFactory {
    let made = Monitor<[String]>([])
    private let inner = PrometheusMetrics()

    private func note(_ label: String) { made.withLock { $0.append(label) } }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
      note("\(label) \(dimensions.map(\.1))")
      return inner.makeCounter(label: label, dimensions: dimensions)
    }
    func makeRecorder(
      label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
      inner.makeRecorder(label: label, dimensions: dimensions, aggregate: aggregate)
    }
    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
      note("\(label) \(dimensions.map(\.1))")
      return inner.makeTimer(label: label, dimensions: dimensions)
    }
    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}
  }

  @Test("A metric is made once, and what was not answered or could not be read has labels too")
  func once() throws {
    let factory = CountingFactory()
    let observer = ServerMetrics(factory: factory)
    let get = try request(of: Array("GET / HTTP/1.1\nHost: h\n\n".utf8))
    for _ in 1...3 {
      observer.exchangeEnded(Exchange(get, status: nil))
      observer.exchangeEnded(Exchange(nil, status: 400))
    }
    #expect(
      factory.made.withLock { $0 } == [
        "http.server.requests [\"GET\", \"none\"]", "http.server.duration [\"GET\", \"none\"]",
        "http.server.requests [\"none\", \"400\"]", "http.server.duration [\"none\", \"400\"]",
      ])
  }
}
