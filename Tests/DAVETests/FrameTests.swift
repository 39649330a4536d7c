import Testing

@testable import DAVE

@Suite struct FrameTests {
    private func encrypt(_ encryptor: FrameEncryptor, _ plaintext: [UInt8]) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: plaintext.count + FrameEncryptor.overhead)
        // An empty array has no address to lend; one byte of slack gives it one.
        let padded = plaintext + [0]
        let count = padded.withUnsafeBytes { source in
            output.withUnsafeMutableBytes {
                encryptor.encrypt(UnsafeRawBufferPointer(rebasing: source[..<plaintext.count]), into: $0)
            }
        }
        return Array(output.prefix(max(0, count)))
    }

    @Test func ratchetVectors() throws {
        for entry in try Fixtures.json("sender-key-ratchet.json")["cases"].list {
            for generation in entry["keys"].keys {
                var ratchet = KeyRatchet(baseSecret: entry["sender_base_secret"].bytes)
                let wanted = UInt32(generation) ?? 0
                if wanted > KeyRatchet.maximumGap { _ = ratchet.key(wanted / 2) }
                #expect(ratchet.key(wanted).map { hex($0) } == entry["keys"][generation].string)
            }
        }
    }

    @Test func generationsRollOver() throws {
        for entry in try Fixtures.json("sender-key-ratchet.json")["live_generation_rollover"].list {
            let encryptor = FrameEncryptor()
            encryptor.install(KeyRatchet(baseSecret: entry["sender_base_secret"].bytes))
            let frames = entry["frames"].list
            encryptor.setNonce(UInt32(frames[0]["counter"].int - 1))
            for frame in frames {
                #expect(hex(encrypt(encryptor, frame["plaintext"].bytes)) == frame["frame"].string)
            }
        }
    }

    @Test func validFramesBothWays() throws {
        let file = try Fixtures.json("frames.json")
        let secret = file["sender_base_secret"].bytes
        for entry in file["valid"].list {
            let encryptor = FrameEncryptor()
            encryptor.install(KeyRatchet(baseSecret: secret))
            encryptor.setNonce(UInt32(entry["counter"].int - 1))
            #expect(hex(encrypt(encryptor, entry["plaintext"].bytes)) == entry["frame"].string)
            var decryptor = FrameDecryptor()
            decryptor.install(KeyRatchet(baseSecret: secret), now: 0)
            let late = Double(entry["generation"].int + 1) * 100_000
            #expect(try decryptor.decrypt(entry["frame"].bytes, now: late) == entry["plaintext"].bytes)
        }
    }

    @Test func invalidFramesAreRefused() throws {
        let file = try Fixtures.json("frames.json")
        for entry in file["invalid"].list {
            var decryptor = FrameDecryptor()
            decryptor.install(KeyRatchet(baseSecret: file["sender_base_secret"].bytes), now: 0)
            // Clear frames are no longer accepted once the grace after the first ratchet is over.
            let opened = try? decryptor.decrypt(entry["frame"].bytes, now: FrameDecryptor.grace + 1)
            #expect((opened != nil) == entry["libdave_accepts"].bool, "\(entry["case"].string)")
        }
    }

    @Test func replaysAreRefused() throws {
        let file = try Fixtures.json("frames.json")
        var decryptor = FrameDecryptor()
        let secret = file["replay_sequence"]["sender_base_secret"]
        decryptor.install(
            KeyRatchet(baseSecret: secret.exists ? secret.bytes : file["sender_base_secret"].bytes), now: 0)
        for step in file["replay_sequence"]["steps"].list {
            let opened = try? decryptor.decrypt(step["frame"].bytes, now: 1)
            #expect((opened != nil) == step["libdave_accepts"].bool, "counter \(step["counter"].int)")
        }
    }

    @Test func partlyClearFramesOpen() throws {
        for entry in try Fixtures.json("frames.json")["partially_unencrypted_from_libdave"].list {
            var decryptor = FrameDecryptor()
            decryptor.install(KeyRatchet(baseSecret: entry["sender_base_secret"].bytes), now: 0)
            #expect(try decryptor.decrypt(entry["frame"].bytes, now: 0) == entry["plaintext"].bytes)
        }
    }

    @Test func displayableCodes() throws {
        let file = try Fixtures.json("codes-and-fingerprints.json")
        for entry in file["displayable_codes"].list {
            let code = DisplayableCode.digits(
                of: entry["data"].bytes, length: entry["desired_length"].int, groupSize: entry["group_size"].int)
            #expect(code == entry["code"].string)
        }
        for entry in file["errors"].list {
            let data = [UInt8](repeating: 0, count: entry["data_length"].int)
            #expect(
                DisplayableCode.digits(
                    of: data, length: entry["desired_length"].int, groupSize: entry["group_size"].int) == nil)
        }
    }

    @Test func framesAreWithheldUntilThereIsAKey() {
        let encryptor = FrameEncryptor()
        #expect(encrypt(encryptor, [1, 2, 3]) == [1, 2, 3], "protocol version 0 is clear")
        encryptor.block()
        #expect(encrypt(encryptor, [1, 2, 3]).isEmpty)
        encryptor.install(KeyRatchet(baseSecret: [UInt8](repeating: 7, count: 16)))
        #expect(encrypt(encryptor, [1, 2, 3]).count > 3)
        encryptor.install(nil)
        #expect(encrypt(encryptor, [1, 2, 3]) == [1, 2, 3])
    }

    @Test func oldKeysLiveTenSecondsOnly() throws {
        let encryptor = FrameEncryptor()
        let old = KeyRatchet(baseSecret: [UInt8](repeating: 1, count: 16))
        encryptor.install(old)
        let first = encrypt(encryptor, [9]), second = encrypt(encryptor, [9])
        var decryptor = FrameDecryptor()
        decryptor.install(old, now: 0)
        decryptor.install(KeyRatchet(baseSecret: [UInt8](repeating: 2, count: 16)), now: 100)
        #expect(try decryptor.decrypt(first, now: 109) == [9])
        #expect(throws: FrameDecryptor.Refusal.self) { try decryptor.decrypt(second, now: 111) }
    }
}
