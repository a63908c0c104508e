// The names of the reasons. An enum that describes itself in words keeps its cases' names from `String(describing:)`.

import HTTPCore

extension ProtocolError.Reason {
  /// The name of the case, without what it carries.
  var name: String {
    switch self {
    case .startLineTooLong: "startLineTooLong"
    case .malformedRequestLine: "malformedRequestLine"
    case .malformedStatusLine: "malformedStatusLine"
    case .invalidMethod: "invalidMethod"
    case .invalidTarget: "invalidTarget"
    case .targetDoesNotFitMethod: "targetDoesNotFitMethod"
    case .malformedVersion: "malformedVersion"
    case .unsupportedVersion: "unsupportedVersion"
    case .invalidStatus: "invalidStatus"
    case .invalidReason: "invalidReason"
    case .headTooLarge: "headTooLarge"
    case .tooManyFields: "tooManyFields"
    case .bareLineFeed: "bareLineFeed"
    case .bareCarriageReturn: "bareCarriageReturn"
    case .lineFolding: "lineFolding"
    case .missingColon: "missingColon"
    case .spaceAroundFieldName: "spaceAroundFieldName"
    case .invalidFieldName: "invalidFieldName"
    case .invalidFieldValue: "invalidFieldValue"
    case .missingHost: "missingHost"
    case .repeatedHost: "repeatedHost"
    case .invalidHost: "invalidHost"
    case .invalidContentLength: "invalidContentLength"
    case .repeatedContentLength: "repeatedContentLength"
    case .bothLengthAndTransferEncoding: "bothLengthAndTransferEncoding"
    case .transferEncodingBeforeHTTP11: "transferEncodingBeforeHTTP11"
    case .unsupportedTransferCoding: "unsupportedTransferCoding"
    case .contentNotAllowed: "contentNotAllowed"
    case .chunkLineTooLong: "chunkLineTooLong"
    case .malformedChunk: "malformedChunk"
    case .trailersTooLarge: "trailersTooLarge"
    case .forbiddenTrailer: "forbiddenTrailer"
    case .trailersNeedChunkedFraming: "trailersNeedChunkedFraming"
    case .contentExceedsLength: "contentExceedsLength"
    case .contentShorterThanLength: "contentShorterThanLength"
    case .closedInsideMessage: "closedInsideMessage"
    case .eventNotAllowedNow: "eventNotAllowedNow"
    case .wrongRole: "wrongRole"
    case .responseWithoutRequest: "responseWithoutRequest"
    case .switchWithoutProposal: "switchWithoutProposal"
    case .missingUpgrade: "missingUpgrade"
    case .interimBeforeHTTP11: "interimBeforeHTTP11"
    case .exchangeNotFinished: "exchangeNotFinished"
    case .sendingFailed: "sendingFailed"
    }
  }
}
