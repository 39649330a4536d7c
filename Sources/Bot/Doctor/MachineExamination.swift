import Files
import Foundation
import Glibc

/// Folders and sockets of this machine.
struct MachineExamination {
    /// Less free space than this, in bytes, is warned about: plugins are copied to the data directory.
    static let smallDisk: UInt64 = 64 << 20

    let configuration: BotConfiguration

    init(_ configuration: BotConfiguration) { self.configuration = configuration }

    var data: Finding {
        let path = configuration.dataDirectory
        do throws(FileError) {
            try Ownership.makeFolder(path)
        } catch {
            return .bad(
                "data directory", "\(path) is not there and cannot be made",
                "make it for the user that runs the bot, or set TIMMYBOT_DATA_DIR")
        }
        do throws(FileError) {
            let probe = "\(path)/.doctor-\(getpid())"
            try DurableFile.write(Data("ok".utf8), to: probe, durable: true)
            try DurableFile.remove(probe)
        } catch {
            return .bad(
                "data directory", "\(path) cannot be written to: \(String(cString: strerror(error.code)))",
                "give it to the user that runs the bot, make room on the disk, or set TIMMYBOT_DATA_DIR")
        }
        return space(path)
    }

    private func space(_ path: String) -> Finding {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return .good("data directory", path) }
        let free = UInt64(status.f_bavail) * UInt64(status.f_frsize)
        guard free < Self.smallDisk else { return .good("data directory", path) }
        return .warning(
            "data directory", "\(path) has only \(free >> 20) MB left",
            "make room on the disk, or set TIMMYBOT_DATA_DIR")
    }

    var library: Finding {
        let path = configuration.libraryDirectory
        guard let folder = opendir(path) else {
            guard errno == ENOENT else {
                return .bad(
                    "music folder", "\(path) cannot be opened: \(String(cString: strerror(errno)))",
                    "let the user that runs the bot read it, or set TIMMYBOT_LIBRARY_DIR")
            }
            return .warning("music folder", "\(path) does not exist", "create it, or set TIMMYBOT_LIBRARY_DIR")
        }
        closedir(folder)
        return .good("music folder", path)
    }

    /// That a datagram can leave and arrive on this machine; what a firewall does further out only a call can show.
    var udp: Finding {
        let remedy = "allow UDP sockets for this process (container, seccomp or firewall rules)"
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        guard descriptor >= 0 else { return .bad("UDP", String(cString: strerror(errno)), remedy) }
        defer { close(descriptor) }
        guard echoes(descriptor) else { return .bad("UDP", "no datagram came back on this machine", remedy) }
        return .good(
            "UDP",
            "sockets work; whether a firewall lets voice out, and its answers in, is not looked at: a call shows it")
    }

    private func echoes(_ descriptor: Int32) -> Bool {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard bind(descriptor, address, length) == 0, getsockname(descriptor, address, &length) == 0,
                    sendto(descriptor, "x", 1, 0, address, length) == 1
                else { return false }
                var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                return Glibc.poll(&poll, 1, 1_000) == 1
            }
        }
    }
}
