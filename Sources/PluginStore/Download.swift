import AsyncHTTPClient
import Foundation
import NIOCore
import NIOSSL

/// Fetches files by https and nothing else, also where it is sent on.
public struct Download: Sendable {
    static let redirects = 5

    private let trustedCAFile: String?
    private let limit: Int
    private let timeout: TimeAmount

    /// - Parameters:
    ///   - trustedCAFile: PEM of roots trusted in addition to the system's.
    ///   - limit: bytes that a file may have.
    public init(
        trustedCAFile: String? = nil, limit: Int = 128 << 20, timeout: Duration = .seconds(120)
    ) {
        self.trustedCAFile = trustedCAFile
        self.limit = limit
        self.timeout = .milliseconds(Int64(timeout / .milliseconds(1)))
    }

    /// - Returns: nil where the server says that there is no such file.
    public func fetch(_ address: String) async throws(PluginStoreError) -> [UInt8]? {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(10)
        configuration.timeout.read = .seconds(30)
        // An operator waits for the reason, and can try again.
        configuration.connectionPool.retryConnectionEstablishment = false
        if let trustedCAFile {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.additionalTrustRoots = [.file(trustedCAFile)]
            configuration.tlsConfiguration = tls
        }
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        let result: Result<[UInt8]?, PluginStoreError>
        do throws(PluginStoreError) {
            result = .success(try await follow(address, client))
        } catch {
            result = .failure(error)
        }
        try? await client.shutdown()
        return try result.get()
    }

    private func follow(_ address: String, _ client: HTTPClient) async throws(PluginStoreError) -> [UInt8]? {
        var next = try Self.checked(address)
        let deadline = NIODeadline.now() + timeout
        for _ in 0...Self.redirects {
            let response: HTTPClientResponse
            do {
                response = try await client.execute(HTTPClientRequest(url: next.absoluteString), deadline: deadline)
            } catch {
                throw PluginStoreError("\(next.host ?? "?") cannot be reached: \(Self.reason(error))")
            }
            switch response.status.code {
            case 200: return try await body(of: response, from: next)
            case 301, 302, 303, 307, 308:
                guard let location = response.headers.first(name: "location"),
                    let there = URL(string: location, relativeTo: next)
                else { throw PluginStoreError("\(next.host ?? "?") sends on to nowhere") }
                next = try Self.checked(there.absoluteString)
            case 404, 410: return nil
            default: throw PluginStoreError("\(next.host ?? "?") answers with status \(response.status.code)")
            }
        }
        throw PluginStoreError("\(address.prefix(200)) is sent on more than \(Self.redirects) times")
    }

    private func body(of response: HTTPClientResponse, from url: URL) async throws(PluginStoreError) -> [UInt8] {
        var bytes: [UInt8] = []
        do {
            for try await part in response.body {
                guard bytes.count + part.readableBytes <= limit else {
                    throw PluginStoreError("\(url.absoluteString.prefix(200)) is larger than \(limit) bytes")
                }
                bytes += part.readableBytesView
            }
        } catch let error as PluginStoreError {
            throw error
        } catch {
            throw PluginStoreError("\(url.host ?? "?") stopped in the middle: \(Self.reason(error))")
        }
        return bytes
    }

    static func checked(_ address: String) throws(PluginStoreError) -> URL {
        guard address.utf8.count <= 2_048, let url = URL(string: address), url.scheme == "https", url.host != nil,
            url.user == nil, url.password == nil
        else { throw PluginStoreError("'\(address.prefix(200))' is not an https address") }
        return url
    }

    private static func reason(_ error: any Error) -> String { String("\(error)".prefix(200)) }
}
