/// One part of a multipart/form-data body (RFC 7578).
struct MultipartPart: Sendable, Equatable {
    var name: String
    var filename: String?
    var contentType: String?
    var body: [UInt8]

    /// Most parts that are taken: ten files and the JSON, with room.
    static let maximumParts = 16

    /// Nil where the body is no well-formed form.
    static func parse(_ body: [UInt8], contentType: String) -> [MultipartPart]? {
        guard contentType.lowercased().hasPrefix("multipart/form-data"),
            let boundary = parameter("boundary", of: contentType), !boundary.isEmpty, boundary.utf8.count <= 200
        else { return nil }
        let delimiter = Array("--\(boundary)".utf8)
        let marks = positions(of: delimiter, in: body)
        guard marks.count >= 2, marks.count <= maximumParts + 1 else { return nil }
        var parts: [MultipartPart] = []
        for (start, end) in zip(marks, marks.dropFirst()) {
            let from = start + delimiter.count + 2
            guard from <= end - 2, let part = part(Array(body[from..<(end - 2)])) else { return nil }
            parts.append(part)
        }
        return parts
    }

    private static func part(_ bytes: [UInt8]) -> MultipartPart? {
        guard let gap = positions(of: Array("\r\n\r\n".utf8), in: bytes, first: true).first else { return nil }
        var part = MultipartPart(name: "", body: Array(bytes[(gap + 4)...]))
        for line in String(decoding: bytes[..<gap], as: UTF8.self).split(whereSeparator: \.isNewline) {
            let lower = line.lowercased()
            if lower.hasPrefix("content-disposition:") {
                part.name = parameter("name", of: String(line)) ?? ""
                part.filename = parameter("filename", of: String(line))
            } else if lower.hasPrefix("content-type:") {
                part.contentType = line.dropFirst(13).trimmed
            }
        }
        return part.name.isEmpty ? nil : part
    }

    private static func parameter(_ name: String, of header: String) -> String? {
        for field in header.split(separator: ";").dropFirst() {
            let sides = field.split(separator: "=", maxSplits: 1)
            guard sides.count == 2, sides[0].trimmed.lowercased() == name else { continue }
            let value = sides[1].trimmed
            return value.hasPrefix("\"") && value.hasSuffix("\"") && value.count >= 2
                ? String(value.dropFirst().dropLast()) : value
        }
        return nil
    }

    private static func positions(of needle: [UInt8], in bytes: [UInt8], first: Bool = false) -> [Int] {
        var found: [Int] = []
        guard bytes.count >= needle.count else { return [] }
        var index = 0
        while index <= bytes.count - needle.count {
            if bytes[index] == needle[0], bytes[index..<(index + needle.count)].elementsEqual(needle) {
                found.append(index)
                if first { break }
                index += needle.count
            } else {
                index += 1
            }
        }
        return found
    }
}

extension Substring {
    fileprivate var trimmed: String {
        String(drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
}
