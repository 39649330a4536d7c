import DiscordModel

/// What Discord checks of messages. Source: Discord, "Component Reference", "Create Message".
struct MessageRules {
    private var errors = FormErrors()
    private var components = 0
    private var text = 0
    private var customIDs: Set<String> = []

    /// Nil where the message may be sent.
    /// - Parameter previous: the message that is edited.
    static func check(_ message: JSONValue, files: Set<String>, previous: SandboxMessage? = nil) -> SandboxResponse? {
        var rules = MessageRules()
        return rules.run(message, files, previous)
    }

    private mutating func run(
        _ message: JSONValue, _ files: Set<String>, _ previous: SandboxMessage?
    ) -> SandboxResponse? {
        let isV2 =
            (Int(message["flags"]?.present?.int ?? 0) | (previous?.flags ?? 0)) & MessageFlags.isComponentsV2.rawValue
            != 0
        if let content = message["content"]?.present?.string { errors.length(["content"], content, 0...2000) }
        let content = message["content"]?.present?.string ?? ""
        let embeds = message["embeds"]?.present?.array ?? []
        errors.count(["embeds"], embeds.count, 0...10)
        if isV2, !content.isEmpty || !embeds.isEmpty {
            let field = content.isEmpty ? "embeds" : "content"
            errors.add(
                [field], "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                "The '\(field)' field cannot be used when using MessageFlags.IS_COMPONENTS_V2")
        }
        let list = message["components"]?.present?.array ?? []
        if !isV2 { errors.count(["components"], list.count, 0...5) }
        for (index, component) in list.prefix(50).enumerated() {
            check(component, ["components", String(index)], parent: 0, isV2: isV2, files)
        }
        if components > Limits.components {
            errors.add(
                ["components"], "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED",
                "The total number of components cannot exceed 40")
        }
        if text > Limits.messageText {
            errors.add(
                ["components"], "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED",
                "The total displayable text size exceeds the maximum of 4000")
        }
        if !errors.isEmpty { return errors.response }
        // What an edit does not name stays.
        let isEmpty =
            ["content", "embeds", "components"].allSatisfy { Self.isEmpty(message[$0] ?? previous?.body[$0]) }
            && files.isEmpty
        return isEmpty ? .error(400, 50006, "Cannot send an empty message") : nil
    }

    private static func isEmpty(_ field: JSONValue?) -> Bool {
        field?.string?.isEmpty ?? field?.array?.isEmpty ?? true
    }

    private mutating func check(
        _ component: JSONValue, _ path: [String], parent: Int, isV2: Bool, _ files: Set<String>
    ) {
        components += 1
        guard path.count < 20, let type = component["type"]?.int.map(Int.init),
            Self.allowed(type, in: parent, isV2: isV2)
        else {
            let code = isV2 ? "BASE_TYPE_CHOICES" : "UNION_TYPE_CHOICES"
            return errors.add(path + ["type"], code, "Value of field \"type\" is not allowed here.")
        }
        switch type {
        case 1: checkRow(component, path, isV2, files)
        case 2: checkButton(component, path)
        case 3...8: checkSelect(component, type, path)
        case 9: checkSection(component, path, isV2, files)
        case 10:
            errors.length(path + ["content"], component["content"]?.string, 1...4000)
            text += component["content"]?.string?.utf16.count ?? 0
        case 12: checkGallery(component, path, files)
        case 13: checkMedia(component["file"], path + ["file"], files)
        case 17:
            let children = component["components"]?.array ?? []
            errors.count(path + ["components"], children.count, 1...40)
            for (index, child) in children.prefix(50).enumerated() {
                check(child, path + ["components", String(index)], parent: 17, isV2: isV2, files)
            }
        default: break
        }
    }

    private static func allowed(_ type: Int, in parent: Int, isV2: Bool) -> Bool {
        switch parent {
        case 0: isV2 ? [1, 9, 10, 12, 13, 14, 17].contains(type) : type == 1
        case 1: (2...8).contains(type) && type != 4
        case 9: type == 10
        case 17: [1, 9, 10, 12, 13, 14].contains(type)
        default: false
        }
    }

    private mutating func checkRow(_ row: JSONValue, _ path: [String], _ isV2: Bool, _ files: Set<String>) {
        let children = row["components"]?.array ?? []
        errors.count(path + ["components"], children.count, 1...5)
        if children.count > 1, children.contains(where: { $0["type"]?.int != 2 }) {
            errors.add(
                path + ["components"], "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
                "The specified component exceeds the maximum width")
        }
        for (index, child) in children.prefix(10).enumerated() {
            check(child, path + ["components", String(index)], parent: 1, isV2: isV2, files)
        }
    }

    private mutating func checkButton(_ button: JSONValue, _ path: [String]) {
        let style = button["style"]?.int ?? 0
        if !(1...6).contains(style) {
            errors.add(path + ["style"], "BASE_TYPE_CHOICES", "Value must be one of {1, 2, 3, 4, 5, 6}.")
        }
        if let label = button["label"]?.present { errors.length(path + ["label"], label.string, 0...80) }
        if button["label"]?.present == nil, button["emoji"]?.present == nil, style != 6 {
            errors.add(path, "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED", "A button needs a label or an emoji")
        }
        if style == 5 {
            checkLink(button["url"]?.string, path + ["url"])
        } else if style != 6 {
            checkCustomID(button, path)
        }
    }

    private mutating func checkLink(_ url: String?, _ path: [String]) {
        errors.length(path, url, 1...512)
        guard let url, !["http", "https", "discord"].contains(url.prefix { $0 != ":" }.lowercased()) else { return }
        errors.add(
            path, "URL_TYPE_INVALID_SCHEME",
            "Scheme is not supported. Scheme must be one of ('http', 'https', 'discord').")
    }

    private mutating func checkCustomID(_ component: JSONValue, _ path: [String]) {
        errors.length(path + ["custom_id"], component["custom_id"]?.string, 1...Limits.customID)
        if let id = component["custom_id"]?.string, !customIDs.insert(id).inserted {
            errors.add(
                path + ["custom_id"], "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")
        }
    }

    private mutating func checkSelect(_ select: JSONValue, _ type: Int, _ path: [String]) {
        checkCustomID(select, path)
        if let hint = select["placeholder"]?.present { errors.length(path + ["placeholder"], hint.string, 0...150) }
        guard type == 3 else { return }
        let options = select["options"]?.array ?? []
        errors.count(path + ["options"], options.count, 1...25)
        var values: Set<String> = []
        for (index, option) in options.prefix(30).enumerated() {
            let here = path + ["options", String(index)]
            errors.length(here + ["label"], option["label"]?.string, 1...100)
            errors.length(here + ["value"], option["value"]?.string, 1...100)
            if let note = option["description"]?.present { errors.length(here + ["description"], note.string, 0...100) }
            if let value = option["value"]?.string, !values.insert(value).inserted {
                errors.add(
                    here + ["value"], "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
                    "The specified option value is already used")
            }
        }
    }

    private mutating func checkSection(_ section: JSONValue, _ path: [String], _ isV2: Bool, _ files: Set<String>) {
        let children = section["components"]?.array ?? []
        errors.count(path + ["components"], children.count, 1...3)
        for (index, child) in children.prefix(5).enumerated() {
            check(child, path + ["components", String(index)], parent: 9, isV2: isV2, files)
        }
        components += 1
        let accessory = section["accessory"] ?? .null
        switch accessory["type"]?.int {
        case 2: checkButton(accessory, path + ["accessory"])
        case 11: checkPicture(accessory, path + ["accessory"], files)
        default: errors.add(path + ["accessory"], "BASE_TYPE_REQUIRED", "This field is required")
        }
    }

    private mutating func checkGallery(_ gallery: JSONValue, _ path: [String], _ files: Set<String>) {
        let items = gallery["items"]?.array ?? []
        errors.count(path + ["items"], items.count, 1...10)
        for (index, item) in items.prefix(12).enumerated() {
            checkPicture(item, path + ["items", String(index)], files)
        }
    }

    private mutating func checkPicture(_ picture: JSONValue, _ path: [String], _ files: Set<String>) {
        checkMedia(picture["media"], path + ["media"], files)
        if let note = picture["description"]?.present { errors.length(path + ["description"], note.string, 1...1024) }
    }

    private mutating func checkMedia(_ media: JSONValue?, _ path: [String], _ files: Set<String>) {
        guard let url = media?["url"]?.string else {
            return errors.add(path + ["url"], "BASE_TYPE_REQUIRED", "This field is required")
        }
        if url.hasPrefix("attachment://") {
            if !files.contains(String(url.dropFirst(13))) {
                errors.add(
                    path + ["url"], "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND",
                    "The referenced attachment was not found")
            }
        } else if !url.hasPrefix("https://") && !url.hasPrefix("http://") || url.utf16.count > 2048 {
            errors.add(path + ["url"], "URL_TYPE_INVALID_URL", "Not a well formed URL.")
        }
    }

    /// All custom ids in a message.
    static func customIDs(of message: JSONValue) -> Set<String> {
        var found: Set<String> = []
        func walk(_ value: JSONValue) {
            if let id = value["custom_id"]?.string { found.insert(id) }
            for child in value["components"]?.array ?? [] { walk(child) }
            if let accessory = value["accessory"] { walk(accessory) }
        }
        walk(message)
        return found
    }
}
