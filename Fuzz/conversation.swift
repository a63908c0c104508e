// See `FuzzTarget.conversation`.

import FuzzChecks

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  unsafe run(.conversation, start, count)
}
