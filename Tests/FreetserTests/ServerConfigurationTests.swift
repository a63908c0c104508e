// The numbers of docs/operations.md.

import Freetser
import HTTPCore
import Testing

@Suite("Settings")
struct ServerConfigurationTests {
  @Test("The defaults")
  func defaults() {
    let configuration = ServerConfiguration()
    #expect(configuration.maximumHeadSize == 16_384)
    #expect(configuration.maximumBodySize == 2_097_152)
    #expect(configuration.maximumBufferedBytes == 256 << 20)
    #expect(configuration.minimumVersion == .http10)
    #expect(configuration.stackSize == 1 << 20)
    #expect(configuration.stopDelay == .zero)
    #expect(configuration.newConnectionGrace == .seconds(2))
    #expect(configuration.stopLimit == .seconds(10))
    #expect(configuration.notifiesServiceManager)
    #expect(configuration.listener.deferAccept)
  }

  @Test("What is fixed")
  func fixed() {
    let limits = Limits()
    #expect(limits.startLine == 8_192)
    #expect(limits.fieldCount == 100)
    #expect(limits.chunkLine == 256)
    #expect(limits.trailers == 8_192)
  }
}
