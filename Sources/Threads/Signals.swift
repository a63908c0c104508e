// The one signal that must not end a process that writes to others.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Keeps SIGPIPE from the calling thread and from the threads that it starts: what it writes to somebody who is gone then
/// fails with EPIPE, and no more.
///
/// What the process does about the signal otherwise stays as it is. Programs that such a thread starts have it blocked
/// too.
package func blockBrokenPipeSignal() {
  var signals = sigset_t()
  unsafe sigemptyset(&signals)
  unsafe sigaddset(&signals, SIGPIPE)
  unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
}
