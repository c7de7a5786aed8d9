internal import CTimber

/// What is on its way in a socket.
public enum SocketQueue {
    /// Memory held by bytes that were written to a Unix stream socket and that its peer has not read yet (SIOCOUTQ, unix(7)).
    /// - Parameter socket: the descriptor's number.
    /// - Returns: 0 exactly when the peer has read everything.
    /// - Throws: `SystemError`.
    public static func unreadByPeer(_ socket: Int32) throws -> Int {
        var bytes: Int32 = 0
        try checking("ioctl", "SIOCOUTQ") { timber_ioctl_pointer(socket, 0x5411 /* SIOCOUTQ */, &bytes) }
        return Int(bytes)
    }

    /// Bytes that can be read from a socket (FIONREAD).
    /// - Parameter socket: the descriptor's number.
    /// - Throws: `SystemError`.
    public static func unread(_ socket: Int32) throws -> Int {
        var bytes: Int32 = 0
        try checking("ioctl", "FIONREAD") { timber_ioctl_pointer(socket, 0x541b /* FIONREAD */, &bytes) }
        return Int(bytes)
    }
}
