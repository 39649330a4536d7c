import Foundation
import Testing

/// The SDK's headers, seen by compilers that never saw the host.
@Suite("The ABI's headers")
struct HeaderTests {
    private static let headers = {
        let folder = "\(repository)/sdk/include/timmybot"
        return (try? FileManager.default.contentsOfDirectory(atPath: folder))?.filter { $0.hasSuffix(".h") }
            .map { String($0.dropLast(2)) } ?? []
    }()

    @Test(arguments: [
        ["cc", "-std=c11"], ["c++", "-std=c++17", "-x", "c++"], ["clang", "-std=c11"],
        ["clang++", "-std=c++17", "-x", "c++"],
    ])
    func compileAlone(_ compiler: [String]) throws {
        let scratch = try Scratch()
        #expect(Self.headers.count > 15 && Self.headers.contains("abi"), "\(Self.headers)")
        for header in Self.headers {
            let path = "\(scratch.path)/\(header).c"
            try Data("#include <timmybot/\(header).h>\nint main(void) { return 0; }\n".utf8).write(
                to: URL(fileURLWithPath: path))
            try run(
                compiler + [
                    "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", "\(repository)/sdk/include", "-fsyntax-only",
                    path,
                ])
        }
    }

    @Test(arguments: ["cc", "clang"])
    func theLayoutIsTheFrozenOne(_ compiler: String) throws {
        let scratch = try Scratch()
        let program = "\(scratch.path)/layout"
        try run([compiler, "-std=c11", "-I", "\(repository)/sdk/include", "\(fixtures)/layout.c", "-o", program])
        let golden = try String(contentsOfFile: "\(fixtures)/abi-v1.layout", encoding: .utf8)
        #expect(try run([program]) == golden)
    }
}
