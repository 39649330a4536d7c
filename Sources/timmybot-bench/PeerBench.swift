struct PeerBench { init(_ o: Options) {}; func run() {} }
