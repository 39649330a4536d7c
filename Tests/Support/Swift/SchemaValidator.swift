import Foundation

/// Discord's OpenAPI document, where it lies beside this checkout.
public enum OpenAPIDocument {
    private static let path = SharedSpecs.path("discord/openapi.json")
    public static let present = SharedSpecs.has("discord/openapi.json")
    /// Read once; nil where it is missing.
    public static let validator: SchemaValidator? = {
        if !present { print("Discord's OpenAPI document is not beside this checkout: bodies are not validated") }
        return present ? try? SchemaValidator(path: path) : nil
    }()
}

/// The part of JSON Schema that Discord's OpenAPI document uses, over loosely typed JSON.
///
/// `@unchecked Sendable`: the document is read once and never changed.
public struct SchemaValidator: @unchecked Sendable {
    private let document: [String: Any]
    /// Segments of every path, `{...}` as `*`.
    private let templates: [(path: String, segments: [String])]

    public init(path: String) throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        document = try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
        templates = (document["paths"] as? [String: Any] ?? [:]).keys.sorted().map { path in
            (path, path.split(separator: "/").map { $0.hasPrefix("{") ? "*" : String($0) })
        }
    }

    /// The document's path that a real one stands for, such as `/webhooks/1/token` for `/webhooks/{id}/{token}`; the one
    /// with the fewest placeholders where there are several.
    public func template(of path: String) -> String? {
        let segments = path.split(separator: "/").map(String.init)
        let fitting = templates.filter { template in
            template.segments.count == segments.count
                && zip(template.segments, segments).allSatisfy { $0 == "*" || $0 == $1 }
        }
        return fitting.min { left, right in
            left.segments.count { $0 == "*" } < right.segments.count { $0 == "*" }
        }?.path
    }

    /// What is wrong with a request's body; empty where it fits.
    /// - Parameter body: JSON.
    public func problems(method: String, path: String, body: Data) throws -> [String] {
        guard let template = template(of: path), let schema = self.body(template, method.lowercased()) else {
            return ["\(method) \(path): is not in the document, or takes no body"]
        }
        return problems(try JSONSerialization.jsonObject(with: body, options: .fragmentsAllowed), schema)
    }

    /// Schema of a request body.
    public func body(_ path: String, _ method: String, _ type: String = "application/json") -> [String: Any]? {
        let operation = ((document["paths"] as? [String: Any])?[path] as? [String: Any])?[method] as? [String: Any]
        let content = (operation?["requestBody"] as? [String: Any])?["content"] as? [String: Any]
        return (content?[type] as? [String: Any])?["schema"] as? [String: Any]
    }

    /// What is wrong with `value`; empty where it fits.
    public func problems(_ value: Any, _ schema: [String: Any], at path: String = "$", depth: Int = 0) -> [String] {
        guard depth < 60 else { return ["\(path): schema is too deep"] }
        if let reference = schema["$ref"] as? String {
            return resolve(reference).map { problems(value, $0, at: path, depth: depth + 1) } ?? [
                "\(path): unknown \(reference)"
            ]
        }
        var found: [String] = []
        for part in schema["allOf"] as? [[String: Any]] ?? [] {
            found += problems(value, part, at: path, depth: depth + 1)
        }
        for key in ["oneOf", "anyOf"] {
            guard let options = schema[key] as? [[String: Any]] else { continue }
            let results = options.map { problems(value, $0, at: path, depth: depth + 1) }
            if !results.contains(where: \.isEmpty) { found += results.min { $0.count < $1.count } ?? [] }
        }
        found += typeProblems(value, schema, path)
        if let constant = schema["const"], !same(constant, value) { found.append("\(path): is not \(constant)") }
        if let list = schema["enum"] as? [Any], !list.contains(where: { same($0, value) }) {
            found.append("\(path): not in enum")
        }
        found += rangeProblems(value, schema, path)
        found += memberProblems(value, schema, path, depth)
        return found
    }

    private func resolve(_ reference: String) -> [String: Any]? {
        reference.dropFirst(2).split(separator: "/").reduce(document as Any?) { ($0 as? [String: Any])?[String($1)] }
            as? [String: Any]
    }

    private func same(_ left: Any, _ right: Any) -> Bool { (left as? NSObject)?.isEqual(right) ?? false }

    private func kind(_ value: Any) -> String {
        switch value {
        case is NSNull: "null"
        case is String: "string"
        case is [Any]: "array"
        case is [String: Any]: "object"
        case let number as NSNumber:
            String(cString: number.objCType) == "c" || String(cString: number.objCType) == "B"
                ? "boolean" : floor(number.doubleValue) == number.doubleValue ? "integer" : "number"
        default: "?"
        }
    }

    private func typeProblems(_ value: Any, _ schema: [String: Any], _ path: String) -> [String] {
        let wanted = (schema["type"] as? [String]) ?? (schema["type"] as? String).map { [$0] } ?? []
        let found = kind(value)
        guard !wanted.isEmpty, !wanted.contains(found), !(found == "integer" && wanted.contains("number")) else {
            return []
        }
        return ["\(path): is \(found), not \(wanted.joined(separator: " or "))"]
    }

    private func rangeProblems(_ value: Any, _ schema: [String: Any], _ path: String) -> [String] {
        func limit(_ key: String) -> Double? { (schema[key] as? NSNumber)?.doubleValue }
        var found: [String] = []
        func check(_ size: Double, _ low: String, _ high: String) {
            if let minimum = limit(low), size < minimum { found.append("\(path): \(low) \(minimum)") }
            if let maximum = limit(high), size > maximum { found.append("\(path): \(high) \(maximum)") }
        }
        switch value {
        case let text as String:
            check(Double(text.unicodeScalars.count), "minLength", "maxLength")
            if let pattern = schema["pattern"] as? String, text.range(of: pattern, options: .regularExpression) == nil {
                found.append("\(path): does not match \(pattern)")
            }
        case let list as [Any]: check(Double(list.count), "minItems", "maxItems")
        case let number as NSNumber where kind(value) != "boolean": check(number.doubleValue, "minimum", "maximum")
        default: break
        }
        return found
    }

    private func memberProblems(_ value: Any, _ schema: [String: Any], _ path: String, _ depth: Int) -> [String] {
        var found: [String] = []
        if let list = value as? [Any], let items = schema["items"] as? [String: Any] {
            for (index, item) in list.enumerated() {
                found += problems(item, items, at: "\(path)[\(index)]", depth: depth + 1)
            }
        }
        guard let members = value as? [String: Any] else { return found }
        for name in schema["required"] as? [String] ?? [] where members[name] == nil {
            found.append("\(path): lacks \(name)")
        }
        let properties = schema["properties"] as? [String: Any] ?? [:]
        for (name, member) in members {
            if let property = properties[name] as? [String: Any] {
                found += problems(member, property, at: "\(path).\(name)", depth: depth + 1)
            } else if schema["additionalProperties"] as? Bool == false {
                found.append("\(path): knows no \(name)")
            }
        }
        return found
    }
}
