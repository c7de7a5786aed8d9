/// Environment variables in order; setting one again replaces it in its place, a bare name removes it.
struct Environment {
    /// nil: removed.
    private var slots: [String?] = []
    private var places: [String: Int] = [:]

    init(_ variables: [String]) {
        for variable in variables { set(variable) }
    }

    var variables: [String] { slots.compactMap { $0 } }

    subscript(name: String) -> String? {
        guard let place = places[name] else { return nil }
        return slots[place].map { String(decoding: $0.utf8.dropFirst(name.utf8.count + 1), as: UTF8.self) }
    }

    mutating func set(_ variable: String) {
        guard let equals = variable.utf8.firstIndex(of: UInt8(ascii: "=")) else {
            if let place = places.removeValue(forKey: variable) { slots[place] = nil }
            return
        }
        let name = String(variable[..<equals])
        if let place = places[name] {
            slots[place] = variable
        } else {
            places[name] = slots.count
            slots.append(variable)
        }
    }
}
