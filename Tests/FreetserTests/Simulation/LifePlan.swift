// A whole life of a connection, made up from a seed.

import Freetser
import Logging
import StreamSimulation
import Threads

/// What both ends will do, and what goes wrong meanwhile.
struct LifePlan: Sendable {
  let seed: UInt64
  var requests: [PlannedRequest]
  /// Whether the handler reads the bodies itself.
  var streams: Bool
  var maximumBodySize: Int
  var temperament: Temperament
  var faults: Faults
  var capacity: Int
  /// When the server begins to stop, and when it cuts, in seconds from there.
  var stop: (after: Int, cuttingAfter: Int)?

  /// How a client behaves.
  struct Temperament: Sendable {
    var sending: Faults.Portion
    /// Milliseconds from one piece to the next.
    var sendGap: Int
    /// Sends what is to come without waiting for answers.
    var isPipelining: Bool
    /// `nil` takes nothing, ever.
    var taking: Faults.Portion?
    var takeGap: Int
    /// How many milliseconds it waits for 100 before it sends the body all the same; `nil` for ever.
    var continuePatience: Int?
    var ending: Ending
    /// What it does so many actions after its begin.
    var departure: (after: Int, Departure)?

    enum Ending: CaseIterable, Sendable {
      /// When it has all responses.
      case closes
      /// Ends its half when it has sent all, and closes when the server does.
      case endsHalf
      /// Closes when the server does.
      case waits
      /// Never.
      case stays
    }

    enum Departure: CaseIterable, Sendable { case closes, resets, endsHalf, fallsSilent }
  }

  /// Whether all that the server owes reaches the client: it is quick and takes its time to read, and nothing but luck is
  /// against it.
  var isCertain: Bool {
    faults.events.isEmpty && stop == nil && temperament.departure == nil
      && longestSend < 4000 && takesQuickly
  }

  private var takesQuickly: Bool {
    switch temperament.taking {
    case nil: false
    case .oneByte?: temperament.takeGap <= 1
    default: temperament.takeGap <= 100
    }
  }

  /// How many milliseconds the client needs at most to send all that it has.
  private var longestSend: Int {
    let bytes = requests.reduce(0) { $0 + $1.body.count + 10_000 }
    let pieces = temperament.sending == .all ? requests.count * 3 : bytes
    return pieces * temperament.sendGap
      + requests.count { $0.expectsContinue } * (temperament.continuePatience ?? 0)
  }

  var timeouts: ServerConfiguration.Timeouts { ServerConfiguration.Timeouts() }

  var configuration: ServerConfiguration {
    var configuration = ServerConfiguration()
    configuration.maximumHeadSize = 1000
    configuration.maximumBodySize = maximumBodySize
    configuration.timeouts = timeouts
    configuration.logger.logLevel = .critical
    return configuration
  }
}

// MARK: Making one up

extension LifePlan {
  init(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    self.init(seed: seed, using: &generator)
  }

  private init(seed: UInt64, using generator: inout SeededGenerator) {
    self.seed = seed
    streams = generator.oneIn(2)
    maximumBodySize = generator.oneIn(2) ? 2000 : 400_000
    capacity = generator.pick([1, 10, 1000, 65_536])
    temperament = Temperament(using: &generator)
    faults = Faults(using: &generator)
    requests = []
    let count = generator.pick([1, 1, 2, 3, 6])
    let streams = streams
    for id in 0..<count {
      requests.append(PlannedRequest(id: id, streams: streams, using: &generator))
      // What is behind the last request is not to be answered, but may come.
      if requests[id].isTakenOver { break }
    }
    if requests.contains(where: \.isLarge) { moveMoreAtOnce() }
    if generator.oneIn(10) {
      stop = (.random(in: 0...20, using: &generator), generator.pick([0, 1, 60]))
    }
  }
}

extension LifePlan {
  /// Keeps a life short in steps: byte by byte a large body takes too many.
  private mutating func moveMoreAtOnce() {
    capacity = max(capacity, 1000)
    if faults.receiving == .oneByte { faults.receiving = .any }
    if faults.sending == .oneByte { faults.sending = .any }
    if temperament.sending == .oneByte { temperament.sending = .any }
    if temperament.taking == .oneByte { temperament.taking = .any }
  }
}

extension PlannedRequest {
  fileprivate var isLarge: Bool {
    if case .bytes(let count) = answer, count > 3000 { return true }
    return body.count > 3000 || flaw == .longTarget || flaw == .largeHead
  }
}

extension LifePlan.Temperament {
  fileprivate init(using generator: inout SeededGenerator) {
    sending = generator.pick([.all, .all, .any, .oneByte])
    sendGap = generator.pick([0, 0, 0, 1, 20, 3000, 11_000])
    isPipelining = generator.oneIn(2)
    taking = generator.oneIn(12) ? nil : generator.pick([.all, .all, .any, .oneByte])
    takeGap = generator.pick([0, 0, 0, 1, 100, 20_000])
    continuePatience = generator.pick([nil, 0, 1000])
    ending = generator.pick(Ending.allCases)
    if generator.oneIn(4) {
      departure = (.random(in: 0...40, using: &generator), generator.pick(Departure.allCases))
    }
  }
}

extension Faults {
  fileprivate init(using generator: inout SeededGenerator) {
    self.init()
    receiving = generator.pick([.all, .any, .any, .oneByte])
    sending = generator.pick([.all, .any, .any, .oneByte])
    fruitlessOneIn = generator.pick([nil, 2, 10])
    if generator.oneIn(4) {
      let event = generator.pick([
        Event.reset, .end, .close, .stall(seconds: 12), .stall(seconds: 100_000),
      ])
      events[.random(in: 1...100, using: &generator)] = event
    }
  }
}

extension PlannedRequest {
  fileprivate init(id: Int, streams: Bool, using generator: inout SeededGenerator) {
    self.id = id
    if generator.oneIn(12) {
      flaw = generator.pick(Flaw.allCases)
      return
    }
    isOld = generator.oneIn(6)
    keepsOldAlive = isOld && generator.oneIn(2)
    asksToClose = generator.oneIn(10)
    let size = generator.pick([0, 1, 2, 20, 300, 300, 3000])
    switch isOld ? generator.next() % 3 : generator.next() % 8 {
    case 0: method = "HEAD"
    case 1, 2: (method, body) = ("POST", .sized(generator.oneIn(30) ? 300_000 : size))
    case 3, 4:
      method = "POST"
      let pieces = (0..<Int(generator.next() % 4)).map { _ in max(1, size / 3) }
      body = .chunked(pieces, trailers: generator.oneIn(3))
      if generator.oneIn(8) { body = .brokenChunks(size) }
    case 5 where generator.oneIn(4): method = "CONNECT"
    default: break
    }
    expectsContinue = !isOld && body != .none && generator.oneIn(3)
    if streams { reading = .init(using: &generator) }
    answer = .init(using: &generator)
    let proposes = method == "CONNECT" || !isOld && body == .none && !generator.oneIn(8)
    if answer.takesOver, proposes {
      upgrade = generator.pick([0, 5, 500])
      if method == "HEAD" { method = "GET" }
    }
  }
}

extension PlannedRequest.Reading {
  fileprivate init(using generator: inout SeededGenerator) {
    self = generator.pick([.nothing, .whole, .pieces(1), .pieces(3), .late, .late, .careless])
  }
}

extension PlannedRequest.Answer {
  fileprivate init(using generator: inout SeededGenerator) {
    let count = generator.pick([0, 1, 20, 300, 3000])
    switch generator.next() % 16 {
    case 0: self = .throwing
    case 1: self = .badField
    case 2: self = .bodiless(generator.pick([204, 205, 304]))
    case 3: self = .takeOver(generator.oneIn(2) ? .echo : .says(count))
    case 4, 5, 6, 7, 8:
      var stream = PlannedRequest.Stream(
        pieces: (0..<Int(generator.next() % 4)).map { _ in count })
      stream.declares = generator.pick([.nothing, .nothing, .right, .right, .tooMuch, .tooLittle])
      stream.flushes = generator.oneIn(2)
      if generator.oneIn(5) { stream.throwsAfter = Int(generator.next() % 4) }
      stream.hasTrailers = generator.oneIn(3)
      stream.waits = generator.pick([0, 0, 0, 1, 40])
      self = .stream(stream)
    case 9: self = .bytes(generator.pick([20_000, 100_000]))
    default: self = .bytes(count)
    }
  }
}

extension SeededGenerator {
  mutating func pick<Element>(_ choices: [Element]) -> Element {
    choices[Int(next() % UInt64(choices.count))]
  }
}
