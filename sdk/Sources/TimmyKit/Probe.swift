import CTimmyBot
import Glibc

/// What a media file is, as the host's worker found it.
public struct Probed: Sendable {
    public var durationMilliseconds: Int64
    public var codec, title, artist, album: String
    public var artwork: [UInt8]
    public var artworkType: String
}

extension Host {
    /// Asks the host's sandboxed worker what a file is. Takes over `descriptor`, also where it throws.
    public func probe(descriptor: Int32) async throws(Failure) -> Probed {
        guard let call = tables.probe?.pointee.probe else {
            close(descriptor)
            throw .missing("probing")
        }
        var isTaken = false
        defer { if !isTaken { close(descriptor) } }
        return try await Completion<Probed>.wait("probe") { waiting in
            let status = call(raw, descriptor, probeDone, waiting)
            isTaken = status == TB_OK
            return status
        }
    }
}

private let probeDone: tb_probe_done = { context, result in
    guard let result = result?.pointee else { return }
    if let error = result.error { return Completion<Probed>.finish(context, .failure(Failure(error.pointee))) }
    let artwork = tb_bytes(ptr: result.artwork, len: result.artwork_count)
    Completion.finish(
        context,
        .success(
            Probed(
                durationMilliseconds: result.duration_ms, codec: result.codec.string, title: result.title.string,
                artist: result.artist.string, album: result.album.string, artwork: artwork.array,
                artworkType: result.artwork_mime.string)))
}
