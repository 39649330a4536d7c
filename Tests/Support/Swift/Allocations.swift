import CTestSupport

/// Calls to the heap that `body` made on this thread.
public func heapCalls(_ body: () throws -> Void) rethrows -> (taken: Int, released: Int) {
    let (taken, released) = (ts_allocations(), ts_releases())
    try body()
    return (Int(ts_allocations() - taken), Int(ts_releases() - released))
}
