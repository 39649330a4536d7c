struct TranscodeBench { init(_ o: Options) {}; func run() async throws {} }
struct CallBench { init(_ o: Options) {}; func run() {} }
struct PeerBench { init(_ o: Options) {}; func run() {} }
