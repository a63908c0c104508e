// The store as the executor of actors.

extension Store: SerialExecutor {
  /// Runs a job of an actor on the store's own thread, in turn with routines.
  ///
  /// An actor is pinned to a store by this property, and has it in a `let` of its own:
  ///
  /// ```swift
  /// actor Ledger {
  ///   let store: Store
  ///   nonisolated var unownedExecutor: UnownedSerialExecutor { store.asUnownedSerialExecutor() }
  /// }
  /// ```
  ///
  /// In functions of such an actor that are not asynchronous, `execute` and `read` run at once. Jobs run also after the store
  /// was closed; `execute` then throws `.closed`.
  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    executor.submit(errand: { [self] in
      unsafe job.runSynchronously(on: asUnownedSerialExecutor())
    })
  }

  /// A reference to the store, for actors.
  public func asUnownedSerialExecutor() -> UnownedSerialExecutor {
    unsafe UnownedSerialExecutor(ordinary: self)
  }

  /// Whether the calling thread runs a routine or a job of this store, so that no other does.
  public func isIsolatingCurrentContext() -> Bool? { executor.isHeldByCaller }

  /// Stops the program if the calling thread runs neither a routine nor a job of this store.
  public func checkIsolated() {
    precondition(executor.isHeldByCaller, "this is not in turn with the routines of the store")
  }
}
