internal import Glibc

/// Whether a text is an IPv4 or IPv6 address; the daemon does everything else with it.
enum IPAddress {
    static func isValid(_ text: String) -> Bool {
        var four = in_addr()
        var six = in6_addr()
        return !text.utf8.contains(0) && (inet_pton(AF_INET, text, &four) == 1 || inet_pton(AF_INET6, text, &six) == 1)
    }
}
