import CTimber

extension Child {
    /// Searches PATH of the container's environment as execvp(3) does, without its fallback to a shell.
    /// - Returns: why nothing could be executed, with the program's name.
    func executeProgram() -> Failure {
        guard let program = arguments[0], program[0] != 0 else {
            return Failure(TIMBER_STAGE_EXEC, ENOENT, arguments[0].map { UnsafePointer($0) })
        }
        if strchr(program, Int32(UInt8(ascii: "/"))) != nil {
            execve(program, arguments, environment)
            return Failure(TIMBER_STAGE_EXEC, timber_errno(), program)
        }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { candidate in
            search(program, in: candidate)
        }
    }

    private func search(_ program: UnsafeMutablePointer<CChar>, in candidate: UnsafeMutableBufferPointer<CChar>) -> Failure {
        var error = ENOENT
        let nameLength = strlen(program)
        var directory = searchPath()
        while true {
            let length = strcspn(directory, ":")
            if let path = candidate.baseAddress, length + nameLength + 2 <= candidate.count {
                memcpy(path, directory, length)
                var end = length
                // An empty entry is the working directory.
                if length > 0 {
                    path[end] = CChar(bitPattern: UInt8(ascii: "/"))
                    end += 1
                }
                memcpy(path + end, program, nameLength + 1)
                execve(path, arguments, environment)
                let failed = timber_errno()
                switch failed {
                // A file without permission is remembered, a later directory may have a better one.
                case EACCES: error = EACCES
                case ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, ESTALE, ENODEV: break
                default: return Failure(TIMBER_STAGE_EXEC, failed, program)
                }
            }
            if directory[length] == 0 { return Failure(TIMBER_STAGE_EXEC, error, program) }
            directory += length + 1
        }
    }

    private func searchPath() -> UnsafePointer<CChar> {
        var index = 0
        while let variable = environment[index] {
            if strncmp(variable, "PATH=", 5) == 0 { return UnsafePointer(variable + 5) }
            index += 1
        }
        return constant("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    }
}
