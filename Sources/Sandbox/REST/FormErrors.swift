import DiscordModel

/// Discord's 50035: errors by path.
struct FormErrors {
    private var found: [(path: [String], code: String, message: String)] = []

    var isEmpty: Bool { found.isEmpty }

    mutating func add(_ path: [String], _ code: String, _ message: String) {
        if found.count < 50 { found.append((path, code, message)) }
    }

    mutating func length(_ path: [String], _ text: String?, _ range: ClosedRange<Int>) {
        guard let text else { return add(path, "BASE_TYPE_REQUIRED", "This field is required") }
        // Discord counts UTF-16 code units.
        if !range.contains(text.utf16.count) {
            add(path, "BASE_TYPE_BAD_LENGTH", "Must be between \(range.lowerBound) and \(range.upperBound) in length.")
        }
    }

    mutating func count(_ path: [String], _ count: Int, _ range: ClosedRange<Int>) {
        if !range.contains(count) {
            add(path, "BASE_TYPE_BAD_LENGTH", "Must be between \(range.lowerBound) and \(range.upperBound) in length.")
        }
    }

    var response: SandboxResponse {
        var tree: JSONValue = [:]
        for error in found {
            tree = Self.insert(["code": .string(error.code), "message": .string(error.message)], error.path[...], tree)
        }
        return .json(400, ["message": "Invalid Form Body", "code": 50035, "errors": tree])
    }

    private static func insert(_ error: JSONValue, _ path: ArraySlice<String>, _ tree: JSONValue) -> JSONValue {
        var members = tree.members
        if let head = path.first {
            members[head] = insert(error, path.dropFirst(), members[head] ?? [:])
        } else {
            members["_errors"] = .array((members["_errors"]?.array ?? []) + [error])
        }
        return .object(members)
    }
}
