import Foundation
import Synchronization
import Testing

@testable import DAVE

func sealed(_ encryptor: FrameEncryptor, _ plaintext: [UInt8]) -> [UInt8] {
    var output = [UInt8](repeating: 0, count: plaintext.count + FrameEncryptor.overhead)
    let padded = plaintext + [0]
    let count = padded.withUnsafeBytes { source in
        output.withUnsafeMutableBytes {
            encryptor.encrypt(UnsafeRawBufferPointer(rebasing: source[..<plaintext.count]), into: $0)
        }
    }
    return Array(output.prefix(max(0, count)))
}

/// Encrypts the same frame into the same place.
private struct Pump {
    private let encryptor: FrameEncryptor
    private let source = UnsafeMutableRawBufferPointer.allocate(byteCount: 20, alignment: 1)
    private let target = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 1)

    init(_ encryptor: FrameEncryptor) { self.encryptor = encryptor }

    func step() -> Int { encryptor.encrypt(UnsafeRawBufferPointer(source), into: target) }
}

@Suite struct EncryptorTests {
    /// One thread changes modes while another encrypts; whatever the interleaving, what was set last stays.
    @Test func theLastModeStays() {
        let encryptor = FrameEncryptor()
        let frames = Atomic(0), clear = Atomic(0), stop = Atomic(false)
        let gone = DispatchSemaphore(value: 0)
        withExtendedLifetime(encryptor) {
            Thread {
                let pump = Pump(encryptor)
                while !stop.load(ordering: .acquiring) {
                    if pump.step() > 0 { clear.wrappingAdd(1, ordering: .releasing) }
                    frames.wrappingAdd(1, ordering: .releasing)
                }
                gone.signal()
            }.start()
        }
        var leaks = 0
        for _ in 0..<4000 {
            encryptor.install(nil)
            let start = frames.load(ordering: .acquiring)
            while frames.load(ordering: .acquiring) < start + 2 {}
            // Clear is what the encrypting thread has now; the second call may come while it takes the first.
            encryptor.block()
            encryptor.block()
            // The frame in flight may still be clear; those after it may not.
            let seen = frames.load(ordering: .acquiring)
            while frames.load(ordering: .acquiring) < seen + 2 {}
            let before = clear.load(ordering: .acquiring)
            while frames.load(ordering: .acquiring) < seen + 5 {}
            if clear.load(ordering: .acquiring) != before { leaks += 1 }
        }
        stop.store(true, ordering: .releasing)
        gone.wait()
        #expect(leaks == 0, "frames left in clear after block()")
    }

    @Test func aTargetThatIsTooSmallIsRefused() {
        let encryptor = FrameEncryptor()
        encryptor.install(KeyRatchet(baseSecret: [UInt8](repeating: 3, count: 16)))
        let source: [UInt8] = Array(repeating: 1, count: 20)
        var target = [UInt8](repeating: 0, count: 20 + FrameEncryptor.overhead - 1)
        let count = source.withUnsafeBytes { input in
            target.withUnsafeMutableBytes { encryptor.encrypt(input, into: $0) }
        }
        #expect(count == -1)
    }

    @Test func everyNonceIsUsedOnceAndTheLastOneStops() {
        let encryptor = FrameEncryptor()
        encryptor.install(KeyRatchet(baseSecret: [UInt8](repeating: 4, count: 16)))
        encryptor.setNonce(250 << 24)
        #expect(!sealed(encryptor, [1]).isEmpty)
        encryptor.setNonce(.max - 1)
        #expect(!sealed(encryptor, [1]).isEmpty)
        #expect(sealed(encryptor, [1]).isEmpty, "a nonce must not come round again under the same key")
    }

    @Test func aRatchetThatSkipsTooFarIsRefused() {
        var ratchet = KeyRatchet(baseSecret: [UInt8](repeating: 5, count: 16))
        #expect(ratchet.key(KeyRatchet.maximumGap + 1) == nil)
        #expect(ratchet.key(KeyRatchet.maximumGap) != nil)
        #expect(ratchet.key(0) == nil, "passed generations are forgotten")
    }

    @Test func receiversHoldSendersToTheirPace() throws {
        let encryptor = FrameEncryptor()
        let ratchet = KeyRatchet(baseSecret: [UInt8](repeating: 6, count: 16))
        encryptor.install(ratchet)
        encryptor.setNonce(1 << FrameFormat.generationShift)
        let frame = sealed(encryptor, [7])
        var decryptor = FrameDecryptor()
        decryptor.install(ratchet, now: 0)
        // 2^24 frames at 170 a second take 98,690 s.
        #expect(throws: FrameDecryptor.Refusal.unauthentic) { try decryptor.decrypt(frame, now: 98_000) }
        #expect(try decryptor.decrypt(frame, now: 98_800) == [7])
    }

    #if !DEBUG
        @Test func encryptionTakesLittleTime() {
            let encryptor = FrameEncryptor()
            encryptor.install(KeyRatchet(baseSecret: [UInt8](repeating: 8, count: 16)))
            let frame = [UInt8](repeating: 9, count: 160)
            var output = [UInt8](repeating: 0, count: 160 + FrameEncryptor.overhead)
            let rounds = 1_000_000
            var best = Duration.seconds(60)
            for _ in 0..<5 {
                let took = ContinuousClock().measure {
                    frame.withUnsafeBytes { input in
                        output.withUnsafeMutableBytes { target in
                            for _ in 0..<rounds { _ = encryptor.encrypt(input, into: target) }
                        }
                    }
                }
                best = min(best, took)
            }
            let nanoseconds =
                Double(best.components.attoseconds) / 1e9 / Double(rounds)
                + Double(best.components.seconds) * 1e9 / Double(rounds)
            print("encrypt of a 160-byte frame: \(nanoseconds) ns")
            #expect(nanoseconds < 20_000)
        }
    #endif
}
