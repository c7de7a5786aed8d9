/// One line of `GET /events`.
public struct EventMessage: WireObject {
    /// As `action`, for old clients; the server fills it in.
    public var status: String = ""
    /// As `actor.id`, for old clients; the server fills it in.
    public var id: String = ""
    /// The container's image, for old clients; the server fills it in.
    public var from: String = ""
    /// `container`, `image`, `network`, `volume`, `daemon`.
    public var type: String = ""
    /// `create`, `start`, `die`, …
    public var action: String = ""
    /// What it happened to.
    public var actor: EventActor = EventActor()
    /// `local`.
    public var scope: String = "local"
    /// Seconds since 1970.
    public var time: Int64 = 0
    /// Nanoseconds since 1970.
    public var timeNano: Int64 = 0

    /// Makes one; what is left out has its zero value.
    public init(
        status: String = "", id: String = "", from: String = "", type: String = "", action: String = "",
        actor: EventActor = EventActor(), scope: String = "local", time: Int64 = 0, timeNano: Int64 = 0
    ) {
        self.status = status
        self.id = id
        self.from = from
        self.type = type
        self.action = action
        self.actor = actor
        self.scope = scope
        self.time = time
        self.timeNano = timeNano
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("status", &status, empty: .omitted)
        try coder.field("id", &id, empty: .omitted)
        try coder.field("from", &from, empty: .omitted)
        try coder.field("Type", &type)
        try coder.field("Action", &action)
        try coder.field("Actor", &actor)
        try coder.field("scope", &scope, empty: .omitted)
        try coder.field("time", &time, empty: .omitted)
        try coder.field("timeNano", &timeNano, empty: .omitted)
    }
}

/// What an event happened to.
public struct EventActor: WireObject {
    /// Its id.
    public var id: String = ""
    /// Its name, labels, exit status.
    public var attributes: [String: String] = [:]

    /// Makes one; what is left out has its zero value.
    public init(id: String = "", attributes: [String: String] = [:]) {
        self.id = id
        self.attributes = attributes
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("ID", &id)
        try coder.field("Attributes", &attributes)
    }
}
