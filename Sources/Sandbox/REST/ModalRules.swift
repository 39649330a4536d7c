import DiscordModel

/// What Discord checks of modals. Source: Discord, "Component Reference", "Modal".
struct ModalRules {
    private var errors = FormErrors()
    private var customIDs: Set<String> = []

    /// Nil where the modal may be shown.
    static func check(_ modal: JSONValue) -> SandboxResponse? {
        var rules = ModalRules()
        rules.run(modal)
        return rules.errors.isEmpty ? nil : rules.errors.response
    }

    private mutating func run(_ modal: JSONValue) {
        errors.length(["data", "custom_id"], modal["custom_id"]?.string, 1...Limits.customID)
        errors.length(["data", "title"], modal["title"]?.string, 1...45)
        let components = modal["components"]?.array ?? []
        errors.count(["data", "components"], components.count, 1...5)
        for (index, component) in components.prefix(10).enumerated() {
            check(component, ["data", "components", String(index)])
        }
    }

    private mutating func check(_ component: JSONValue, _ path: [String]) {
        switch component["type"]?.int {
        case 1:
            let children = component["components"]?.array ?? []
            errors.count(path + ["components"], children.count, 1...1)
            for (index, child) in children.prefix(5).enumerated() {
                checkField(child, path + ["components", String(index)], types: [4])
                errors.length(path + ["components", String(index), "label"], child["label"]?.string, 1...45)
            }
        case 10: errors.length(path + ["content"], component["content"]?.string, 1...Limits.messageText)
        case 18:
            errors.length(path + ["label"], component["label"]?.string, 1...45)
            if let note = component["description"]?.present {
                errors.length(path + ["description"], note.string, 1...100)
            }
            // A text, selects, a file, and groups of buttons and boxes.
            checkField(
                component["component"] ?? .null, path + ["component"], types: [3, 4, 5, 6, 7, 8, 19, 21, 22, 23])
        default: refuseType(path)
        }
    }

    private mutating func checkField(_ field: JSONValue, _ path: [String], types: Set<Int64>) {
        guard let type = field["type"]?.int, types.contains(type) else { return refuseType(path) }
        errors.length(path + ["custom_id"], field["custom_id"]?.string, 1...Limits.customID)
        if let id = field["custom_id"]?.string, !customIDs.insert(id).inserted {
            errors.add(
                path + ["custom_id"], "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")
        }
        if type == 4 { checkText(field, path) }
    }

    private mutating func checkText(_ field: JSONValue, _ path: [String]) {
        if ![1, 2].contains(field["style"]?.int) {
            errors.add(path + ["style"], "BASE_TYPE_CHOICES", "Value must be one of {1, 2}.")
        }
        if let value = field["value"]?.present { errors.length(path + ["value"], value.string, 0...4000) }
        if let hint = field["placeholder"]?.present { errors.length(path + ["placeholder"], hint.string, 0...100) }
        for (name, range) in [("min_length", 0...4000), ("max_length", 1...4000)] as [(String, ClosedRange<Int64>)] {
            guard let length = field[name]?.present else { continue }
            if !(length.int.map(range.contains) ?? false) {
                errors.add(
                    path + [name], "NUMBER_TYPE_COERCE",
                    "Value must be between \(range.lowerBound) and \(range.upperBound).")
            }
        }
    }

    private mutating func refuseType(_ path: [String]) {
        errors.add(path + ["type"], "UNION_TYPE_CHOICES", "Value of field \"type\" is not allowed here.")
    }
}
