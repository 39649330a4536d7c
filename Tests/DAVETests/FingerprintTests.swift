import Testing

@testable import DAVE

struct FingerprintTests {
    @Test func keys() throws {
        for vector in try Fixtures.json("codes-and-fingerprints.json")["key_fingerprints"].list {
            let made = Fingerprint.key(
                version: UInt16(vector["version"].int), signatureKey: vector["key"].bytes,
                userID: vector["user_id"].uint64)
            #expect(hex(made) == vector["fingerprint"].string)
        }
    }

    @Test func pairs() throws {
        for vector in try Fixtures.json("codes-and-fingerprints.json")["pairwise_fingerprints"].list {
            let version = UInt16(vector["version"].int)
            let local = Fingerprint.key(
                version: version, signatureKey: vector["local_key"].bytes, userID: vector["local_user_id"].uint64)
            let remote = Fingerprint.key(
                version: version, signatureKey: vector["remote_key"].bytes, userID: vector["remote_user_id"].uint64)
            let made = try #require(Fingerprint.pairwise(local, remote))
            #expect(hex(made) == vector["fingerprint"].string)
            #expect(Fingerprint.pairwise(remote, local) == made)
            #expect(DisplayableCode.digits(of: made, length: 45, groupSize: 5) == vector["code_45x5"].string)
        }
    }

    @Test func liveVoicePrivacyCode() throws {
        let vector = try Fixtures.json("codes-and-fingerprints.json")["voice_privacy_code"]
        let code = DisplayableCode.digits(of: vector["epoch_authenticator"].bytes, length: 30, groupSize: 5)
        #expect(code == vector["code_30x5"].string)
    }
}
