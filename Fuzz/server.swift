// See `FuzzTarget.server`.

import FuzzChecks

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  unsafe run(.server, start, count)
}
