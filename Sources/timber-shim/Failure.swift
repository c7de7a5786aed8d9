import CTimber

/// A launch step that failed: which one, its errno, and the path it was about.
struct Failure: Error, @unchecked Sendable {
    let stage: timber_stage
    let error: Int32
    /// Points into the plan's buffer or to a constant; nil when there is nothing to name.
    let detail: UnsafePointer<CChar>?

    init(_ stage: timber_stage, _ error: Int32, _ detail: UnsafePointer<CChar>? = nil) {
        self.stage = stage
        self.error = error
        self.detail = detail
    }
}

/// Turns a negative result into a Failure of the stage.
@discardableResult
@inline(__always)
func check(_ stage: timber_stage, _ result: Int, _ detail: UnsafePointer<CChar>? = nil) throws(Failure) -> Int32 {
    if result < 0 { throw Failure(stage, Int32(truncatingIfNeeded: -result), detail) }
    return Int32(truncatingIfNeeded: result)
}
