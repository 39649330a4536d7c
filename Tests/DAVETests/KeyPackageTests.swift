import Testing

@testable import DAVE

/// Key packages and external senders as libdave and OpenMLS write them.
struct KeyPackageTests {
    @Test func keyPackages() throws {
        let list = try Fixtures.json("key-packages.json").list
        #expect(list.count == 14)
        for vector in list {
            let bytes = vector["key_package"].bytes
            let package = try KeyPackage(whole: bytes)
            #expect(package.encoded == bytes)
            if vector["key_package_ref"].exists {
                #expect(hex(package.reference) == vector["key_package_ref"].string)
                #expect(hex(package.toBeSigned) == vector["key_package_tbs"].string)
                #expect(hex(package.leaf.toBeSigned(groupID: [], leaf: 0)) == vector["leaf"]["leaf_node_tbs"].string)
            }
            let user = vector["user_id"].uint64
            #expect(package.leaf.credential.userID == user)
            let verdict: ()? = try? DAVEDeliveryService.check(keyPackage: bytes, of: user)
            #expect((verdict != nil) == vector["signature_valid"].bool)
            #expect(throws: DAVEDeliveryService.Refusal.self) {
                try DAVEDeliveryService.check(keyPackage: bytes, of: user + 1)
            }
            for length in 0..<bytes.count {
                #expect(throws: MLSError.self) { try KeyPackage(whole: bytes.prefix(length)) }
            }
        }
    }

    @Test func externalSenders() throws {
        for vector in try Fixtures.json("external-sender-packages.json").list {
            let bytes = vector["package"].bytes
            let sender = try ExternalSender(whole: bytes)
            #expect(sender.encoded == bytes)
            #expect(hex(sender.groupExtension.data) == vector["external_senders_extension_data"].string)
            let extensions = TLSWriter.build { $0.extensions([sender.groupExtension]) }
            #expect(hex(extensions) == vector["group_context_extensions"].string)
            for length in 0..<bytes.count {
                #expect(throws: MLSError.self) { try ExternalSender(whole: bytes.prefix(length)) }
            }
        }
    }
}
