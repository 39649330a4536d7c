import Glibc

/// A plain table: the first column to the left, the others to the right.
struct Table {
    private let title: String
    private let header: [String]
    private var rows: [[String]] = []

    init(_ title: String, _ header: [String]) {
        self.title = title
        self.header = header
    }

    mutating func add(_ row: [String]) { rows.append(row) }

    func print() {
        let lines = [header] + rows
        let widths = header.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        Swift.print(title)
        for line in lines {
            let cells = line.enumerated().map { column, cell in
                let space = String(repeating: " ", count: widths[column] - cell.count)
                return column == 0 ? cell + space : space + cell
            }
            Swift.print("  " + cells.joined(separator: "  "))
        }
        Swift.print("")
        // Into a pipe too, a table is worth having before the next one is done.
        fflush(nil)
    }
}

extension Double {
    /// With so many digits behind the point.
    func text(_ digits: Int) -> String {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = Int((abs(self) * scale).rounded())
        let whole = scaled / Int(scale), part = String(scaled % Int(scale))
        let sign = self < 0 && scaled > 0 ? "-" : ""
        return digits == 0
            ? "\(sign)\(whole)" : "\(sign)\(whole).\(String(repeating: "0", count: digits - part.count))\(part)"
    }

    /// As a multiple of `floor`.
    func ratio(to floor: Double) -> String { floor > 0 ? (self / floor).text(2) + "x" : "-" }
}
