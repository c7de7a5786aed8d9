internal import Foundation
internal import GRDB

extension [UInt8] {
    /// As a SQLite blob.
    var data: Data { Data(self) }
}

extension Row {
    /// A blob column.
    func bytes(_ column: String) -> [UInt8] {
        let data: Data = self[column]
        return [UInt8](data)
    }
}
