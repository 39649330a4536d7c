/// Discord's rules for the components of a message and of a modal, checked before anything is sent. Lengths count UTF-16
/// units, the strictest reading. Sources: Discord, "Component Reference", "Create Message", "Interaction Callback".
public struct ComponentRules {
    /// A rule that is broken, as `place: what`.
    struct Broken: Error { let text: String }

    private let files: Set<String>
    private var components = 0
    private var text = 0
    private var customIDs: Set<String> = []

    private init(files: Set<String>) { self.files = files }

    /// The first rule that a message of Components V2 breaks; nil where Discord takes it.
    /// - Parameter files: names that `attachment://` may name.
    public static func objection(message components: [JSONValue], files: Set<String>) -> String? {
        var rules = ComponentRules(files: files)
        do throws(Broken) {
            guard !components.isEmpty else { throw Broken(text: "components: a message needs at least one") }
            for (index, component) in components.enumerated() {
                try rules.check(component, "components[\(index)]", in: .message)
            }
            return nil
        } catch {
            return error.text
        }
    }

    /// The first rule that a modal breaks; nil where Discord takes it.
    public static func objection(modal: JSONValue) -> String? {
        var rules = ComponentRules(files: [])
        do throws(Broken) {
            try rules.length(modal["title"], "title", 1...45)
            try rules.length(modal["custom_id"], "custom_id", 1...Limits.customID)
            let parts = try rules.list(modal["components"], "components", 1...5)
            for (index, part) in parts.enumerated() { try rules.check(part, "components[\(index)]", in: .modal) }
            guard !rules.customIDs.isEmpty else { throw Broken(text: "components: a modal needs a field") }
            return nil
        } catch {
            return error.text
        }
    }

    private enum Parent { case message, container, section, modal }

    private static func allowed(_ parent: Parent) -> Set<Int> {
        switch parent {
        case .message: [1, 9, 10, 12, 13, 14, 17]
        case .container: [1, 9, 10, 12, 13, 14]
        case .section: [10]
        case .modal: [1, 10, 18]
        }
    }

    private mutating func count(_ place: String) throws(Broken) {
        components += 1
        guard components <= Limits.components else {
            throw Broken(text: "\(place): more than \(Limits.components) components")
        }
    }

    private mutating func check(_ component: JSONValue, _ place: String, in parent: Parent) throws(Broken) {
        try count(place)
        let type = try kind(component, place, Self.allowed(parent))
        switch type {
        case 1 where parent == .modal: try modalRow(component, place)
        case 1: try row(component, place)
        case 9: try section(component, place)
        case 10: try textDisplay(component, place)
        case 12: try gallery(component, place)
        case 13:
            guard component["file"]?["url"]?.string?.hasPrefix("attachment://") == true else {
                throw Broken(text: "\(place).file: must name an attachment")
            }
            try media(component["file"], "\(place).file")
        case 14:
            if let spacing = component["spacing"], ![1, 2].contains(spacing.int) {
                throw Broken(text: "\(place).spacing: must be 1 or 2")
            }
        case 17: try container(component, place)
        default: try label(component, place)
        }
    }

    private func kind(_ component: JSONValue, _ place: String, _ allowed: Set<Int>) throws(Broken) -> Int {
        guard let type = component["type"]?.int.flatMap(Int.init(exactly:)) else {
            throw Broken(text: "\(place).type: is missing")
        }
        guard allowed.contains(type) else { throw Broken(text: "\(place).type: \(type) is not allowed here") }
        return type
    }
}

// MARK: Layout

extension ComponentRules {
    private mutating func container(_ container: JSONValue, _ place: String) throws(Broken) {
        if let color = container["accent_color"], color != .null, !(0...0xFF_FFFF).contains(color.int ?? -1) {
            throw Broken(text: "\(place).accent_color: must be 0 to 16777215")
        }
        let children = try list(container["components"], "\(place).components", 1...Limits.components)
        for (index, child) in children.enumerated() {
            try check(child, "\(place).components[\(index)]", in: .container)
        }
    }

    private mutating func section(_ section: JSONValue, _ place: String) throws(Broken) {
        let children = try list(section["components"], "\(place).components", 1...3)
        for (index, child) in children.enumerated() {
            try check(child, "\(place).components[\(index)]", in: .section)
        }
        guard let accessory = section["accessory"] else { throw Broken(text: "\(place).accessory: is missing") }
        let here = "\(place).accessory"
        try count(here)
        if try kind(accessory, here, [2, 11]) == 2 { return try button(accessory, here) }
        try media(accessory["media"], "\(here).media")
        try optionalLength(accessory["description"], "\(here).description", 0...1024)
    }

    private mutating func row(_ row: JSONValue, _ place: String) throws(Broken) {
        let children = try list(row["components"], "\(place).components", 1...5)
        for (index, child) in children.enumerated() {
            let here = "\(place).components[\(index)]"
            try count(here)
            let type = try kind(child, here, [2, 3, 5, 6, 7, 8])
            if type == 2 {
                try button(child, here)
            } else if children.count > 1 {
                throw Broken(text: "\(place).components: a select stands alone in its row")
            } else {
                try select(child, type, here)
            }
        }
    }

    private mutating func textDisplay(_ display: JSONValue, _ place: String) throws(Broken) {
        try length(display["content"], "\(place).content", 1...Limits.messageText)
        text += display["content"]?.string?.utf16.count ?? 0
        guard text <= Limits.messageText else {
            throw Broken(text: "\(place).content: more than \(Limits.messageText) characters in all")
        }
    }

    private func gallery(_ gallery: JSONValue, _ place: String) throws(Broken) {
        let items = try list(gallery["items"], "\(place).items", 1...10)
        for (index, item) in items.enumerated() {
            try media(item["media"], "\(place).items[\(index)].media")
            try optionalLength(item["description"], "\(place).items[\(index)].description", 0...1024)
        }
    }

    private func media(_ media: JSONValue?, _ place: String) throws(Broken) {
        guard let url = media?["url"]?.string else { throw Broken(text: "\(place).url: is missing") }
        if url.hasPrefix("attachment://") {
            guard files.contains(String(url.dropFirst(13))) else {
                throw Broken(text: "\(place).url: there is no such attachment")
            }
        } else {
            try web(url, "\(place).url", 2048)
        }
    }
}

// MARK: What people use

extension ComponentRules {
    private mutating func button(_ button: JSONValue, _ place: String) throws(Broken) {
        guard let style = button["style"]?.int, (1...6).contains(style) else {
            throw Broken(text: "\(place).style: must be 1 to 6")
        }
        try optionalLength(button["label"], "\(place).label", 0...80)
        let hasLabel = !(button["label"]?.string ?? "").isEmpty
        let hasEmoji = button["emoji"]?["name"]?.string != nil || button["emoji"]?["id"]?.snowflake != nil
        switch style {
        case 5:
            guard button["custom_id"] == nil else { throw Broken(text: "\(place): a link has no custom_id") }
            guard let url = button["url"]?.string else { throw Broken(text: "\(place).url: is missing") }
            try web(url, "\(place).url", 512)
        case 6:
            guard button["sku_id"]?.snowflake != nil else { throw Broken(text: "\(place).sku_id: is missing") }
            return
        default:
            guard button["url"] == nil else { throw Broken(text: "\(place): only a link has a url") }
            try customID(button, place)
        }
        guard hasLabel || hasEmoji else { throw Broken(text: "\(place): needs a label or an emoji") }
    }

    private mutating func customID(_ component: JSONValue, _ place: String) throws(Broken) {
        try length(component["custom_id"], "\(place).custom_id", 1...Limits.customID)
        guard let id = component["custom_id"]?.string, customIDs.insert(id).inserted else {
            throw Broken(text: "\(place).custom_id: is there twice")
        }
    }

    private mutating func select(_ select: JSONValue, _ type: Int, _ place: String) throws(Broken) {
        try customID(select, place)
        try optionalLength(select["placeholder"], "\(place).placeholder", 0...150)
        let options = type == 3 ? try list(select["options"], "\(place).options", 1...25) : []
        let most = type == 3 ? options.count : 25
        try number(select["min_values"], "\(place).min_values", 0...most)
        try number(select["max_values"], "\(place).max_values", max(1, Int(select["min_values"]?.int ?? 1))...25)
        if let wanted = select["max_values"]?.int, wanted > most {
            throw Broken(text: "\(place).max_values: there are only \(most) options")
        }
        try self.options(options, "\(place).options")
    }

    private func options(_ options: [JSONValue], _ place: String) throws(Broken) {
        var values: Set<String> = []
        for (index, option) in options.enumerated() {
            let here = "\(place)[\(index)]"
            try length(option["label"], "\(here).label", 1...100)
            try length(option["value"], "\(here).value", 1...100)
            try optionalLength(option["description"], "\(here).description", 0...100)
            guard let value = option["value"]?.string, values.insert(value).inserted else {
                throw Broken(text: "\(here).value: is there twice")
            }
        }
    }
}

// MARK: Modals

extension ComponentRules {
    /// Type 18: a label over one field.
    private mutating func label(_ label: JSONValue, _ place: String) throws(Broken) {
        try length(label["label"], "\(place).label", 1...45)
        try optionalLength(label["description"], "\(place).description", 0...100)
        guard let field = label["component"] else { throw Broken(text: "\(place).component: is missing") }
        let here = "\(place).component"
        try count(here)
        switch try kind(field, here, [3, 4, 5, 6, 7, 8, 19, 21, 22, 23]) {
        case 4: try textInput(field, here)
        case 19, 23: try customID(field, here)
        case 21, 22:
            try customID(field, here)
            try options(try list(field["options"], "\(here).options", 1...10), "\(here).options")
        case let type: try select(field, type, here)
        }
    }

    /// The older way: a row with one text input, whose label is its own.
    private mutating func modalRow(_ row: JSONValue, _ place: String) throws(Broken) {
        let children = try list(row["components"], "\(place).components", 1...1)
        let here = "\(place).components[0]"
        try count(here)
        _ = try kind(children[0], here, [4])
        try length(children[0]["label"], "\(here).label", 1...45)
        try textInput(children[0], here)
    }

    private mutating func textInput(_ input: JSONValue, _ place: String) throws(Broken) {
        try customID(input, place)
        guard [1, 2].contains(input["style"]?.int) else { throw Broken(text: "\(place).style: must be 1 or 2") }
        try number(input["min_length"], "\(place).min_length", 0...4000)
        try number(input["max_length"], "\(place).max_length", max(1, Int(input["min_length"]?.int ?? 1))...4000)
        try optionalLength(input["value"], "\(place).value", 0...4000)
        try optionalLength(input["placeholder"], "\(place).placeholder", 0...100)
    }
}

// MARK: Small checks

extension ComponentRules {
    private func list(_ value: JSONValue?, _ place: String, _ range: ClosedRange<Int>) throws(Broken) -> [JSONValue] {
        guard let items = value?.array else { throw Broken(text: "\(place): is missing") }
        guard range.contains(items.count) else {
            throw Broken(text: "\(place): has \(items.count), not \(range.lowerBound) to \(range.upperBound)")
        }
        return items
    }

    private func length(_ value: JSONValue?, _ place: String, _ range: ClosedRange<Int>) throws(Broken) {
        guard let text = value?.string else { throw Broken(text: "\(place): is missing") }
        guard range.contains(text.utf16.count) else {
            throw Broken(
                text:
                    "\(place): has \(text.utf16.count) characters, not \(range.lowerBound) to \(range.upperBound)")
        }
    }

    private func optionalLength(_ value: JSONValue?, _ place: String, _ range: ClosedRange<Int>) throws(Broken) {
        if let value, value != .null { try length(value, place, range) }
    }

    private func number(_ value: JSONValue?, _ place: String, _ range: ClosedRange<Int>) throws(Broken) {
        guard let value, value != .null else { return }
        guard let number = value.int, range.contains(Int(clamping: number)) else {
            throw Broken(text: "\(place): must be \(range.lowerBound) to \(range.upperBound)")
        }
    }

    private func web(_ url: String, _ place: String, _ most: Int) throws(Broken) {
        guard url.hasPrefix("https://") || url.hasPrefix("http://"), url.utf16.count <= most else {
            throw Broken(text: "\(place): is no web address of up to \(most) characters")
        }
    }
}
