import CTimber

/// What a child tells the shim between clone and exec, over a SOCK_SEQPACKET pair whose child end is close-on-exec.
///
/// READY comes right before execve; the end of the channel after READY without FAILED means that execve succeeded, the end
/// without READY that the child died. One message is one packet: the header, then the detail's bytes.
enum Channel {
    struct Header: BitwiseCopyable {
        var kind: UInt32 = 0
        var stage: UInt32 = 0
        /// FAILED: errno.
        var value: Int32 = 0
    }

    static let ready: UInt32 = 1
    static let failed: UInt32 = 2
    /// Carries the terminal's master by SCM_RIGHTS.
    static let terminal: UInt32 = 3
    static let maximumDetail = 4096

    /// Makes the pair: (shim's end, child's end).
    static func make() throws(Failure) -> (Int32, Int32) {
        var pair: (Int32, Int32) = (-1, -1)
        let made = withUnsafeMutableBytes(of: &pair) { bytes in
            result(
                socketpair(
                    AF_UNIX, Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue), 0,
                    bytes.assumingMemoryBound(to: Int32.self).baseAddress))
        }
        try check(TIMBER_STAGE_CLONE, made)
        return pair
    }

    /// From now on every message that comes tells who sent it (SO_PASSCRED in unix(7)).
    static func identifySenders(_ channel: Int32) throws(Failure) {
        var isOn: Int32 = 1
        try check(TIMBER_STAGE_CLONE, result(setsockopt(channel, SOL_SOCKET, SO_PASSCRED, &isOn, socklen_t(MemoryLayout<Int32>.size))))
    }

    /// Sends one message, with a descriptor when `descriptor` is not negative.
    static func send(_ channel: Int32, _ header: Header, detail: UnsafePointer<CChar>? = nil, descriptor: Int32 = -1) -> Int {
        var header = header
        return withUnsafeMutableBytes(of: &header) { headerBytes in
            withUnsafeTemporaryAllocation(of: iovec.self, capacity: 2) { vectors in
                vectors[0] = iovec(iov_base: headerBytes.baseAddress, iov_len: headerBytes.count)
                let length = detail.map { strnlen($0, maximumDetail) } ?? 0
                vectors[1] = iovec(iov_base: UnsafeMutableRawPointer(mutating: UnsafeRawPointer(detail)), iov_len: length)
                return withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { control in
                    var message = msghdr()
                    message.msg_iov = vectors.baseAddress
                    message.msg_iovlen = 2
                    if descriptor >= 0 {
                        message.msg_control = control.baseAddress
                        message.msg_controllen = timber_cmsg_space(4)
                        if let header = timber_cmsg_first(&message) {
                            header.pointee.cmsg_level = SOL_SOCKET
                            header.pointee.cmsg_type = Int32(SCM_RIGHTS)
                            header.pointee.cmsg_len = timber_cmsg_len(4)
                            UnsafeMutableRawPointer(timber_cmsg_data(header)).storeBytes(of: descriptor, as: Int32.self)
                        }
                    }
                    return retrying { result(sendmsg(channel, &message, Int32(MSG_NOSIGNAL))) }
                }
            }
        }
    }
}

/// recvmsg(2) with room for descriptors: appends what came to `descriptors`, all close-on-exec.
/// - Parameter sender: who sent it, as this process sees it; unchanged unless the socket tells.
/// - Returns: bytes read, 0 at the end, or -errno; -EMSGSIZE when descriptors had to be dropped.
func receive(
    _ socket: Int32, _ bytes: UnsafeMutableRawBufferPointer, _ flags: Int32, into descriptors: inout [Int32], sender: inout pid_t
) -> Int {
    let room = timber_cmsg_space(4 * Int(TIMBER_FDS_MAX)) + timber_cmsg_space(MemoryLayout<Int32>.size * 3)
    return withUnsafeTemporaryAllocation(byteCount: room, alignment: 8) { control in
        var vector = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
        return withUnsafeMutablePointer(to: &vector) { vector in
            var message = msghdr()
            message.msg_iov = vector
            message.msg_iovlen = 1
            message.msg_control = control.baseAddress
            message.msg_controllen = room
            let count = retrying { result(recvmsg(socket, &message, flags | Int32(MSG_CMSG_CLOEXEC))) }
            if count < 0 { return count }
            var header = timber_cmsg_first(&message)
            while let current = header {
                if current.pointee.cmsg_level == SOL_SOCKET && current.pointee.cmsg_type == Int32(SCM_RIGHTS) {
                    let numbers = content(current)
                    for offset in stride(from: 0, to: numbers.count - 3, by: 4) {
                        descriptors.append(numbers.loadUnaligned(fromByteOffset: offset, as: Int32.self))
                    }
                } else if current.pointee.cmsg_level == SOL_SOCKET && current.pointee.cmsg_type == Int32(SCM_CREDENTIALS) {
                    // struct ucred begins with the pid.
                    let credentials = content(current)
                    if credentials.count >= 4 { sender = credentials.loadUnaligned(as: pid_t.self) }
                }
                header = timber_cmsg_next(&message, current)
            }
            return message.msg_flags & Int32(MSG_CTRUNC) != 0 ? -Int(EMSGSIZE) : count
        }
    }
}

private func content(_ header: UnsafeMutablePointer<cmsghdr>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: timber_cmsg_data(header), count: max(0, Int(header.pointee.cmsg_len) - timber_cmsg_len(0)))
}
