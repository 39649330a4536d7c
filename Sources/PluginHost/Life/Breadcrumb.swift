import CBreadcrumb

/// Which plugin runs on the calling thread, for whoever looks after a crash.
public enum Breadcrumb {
    /// Runs `body`, which calls into `plugin`.
    static func run<Value>(_ plugin: String, _ call: String, _ body: () -> Value) -> Value {
        tb_crumb_enter(plugin, call)
        defer { tb_crumb_leave() }
        return body()
    }

    /// A finer name for the call that the calling thread is in.
    static func detail(_ call: String) { tb_crumb_detail(call) }
}
