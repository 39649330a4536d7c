import CTimmyBot
import Glibc

/// `timmy.probe/1`.
let probeExtension = HostExtension(TB_EXT_PROBE, tb_host_probe_v1(probe: hostProbe))

private struct ProbeCompletion: @unchecked Sendable {
    let context: UnsafeMutableRawPointer?
    let done: tb_probe_done

    func finish(_ outcome: Result<PluginProbe, PluginFailure>) {
        let lent = Lent()
        var result = tb_probe_result_v1()
        switch outcome {
        case .failure(let failure): result.error = lent.array([lent.error(failure)])
        case .success(let probe):
            result.duration_ms = probe.durationMilliseconds
            result.codec = lent.string(probe.codec)
            result.title = lent.string(probe.title)
            result.artist = lent.string(probe.artist)
            result.album = lent.string(probe.album)
            result.artwork_mime = lent.string(probe.artworkType)
            result.artwork = lent.array(probe.artwork)
            result.artwork_count = probe.artwork.count
        }
        withExtendedLifetime(lent) { done(context, &result) }
    }
}

private let hostProbe: @convention(c) (RawHost, Int32, tb_probe_done?, UnsafeMutableRawPointer?) -> tb_status = {
    host, descriptor, done, context in
    guard let plugin = instance(host), let done, fcntl(descriptor, F_GETFD) >= 0 else { return TB_E_INVALID }
    let completion = ProbeCompletion(context: context, done: done)
    return plugin.ports.answer(completion.finish) { () async throws(PluginFailure) in
        try await plugin.services.probe.probe(descriptor: descriptor)
    }
}
