import Files
import Testing

@Suite("Claims of folders")
struct FolderClaimTests {
    @Test func oneAtATime() throws {
        let scratch = try Scratch()
        do {
            let claim = try FolderClaim(scratch.path)
            #expect(throws: FolderClaim.Taken.self) { try FolderClaim(scratch.path) }
            withExtendedLifetime(claim) {}
        }
        _ = try FolderClaim(scratch.path)
        _ = try FolderClaim("/nonexistent/folder")
    }
}
