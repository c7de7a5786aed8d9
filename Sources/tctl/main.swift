internal import TctlCommands

TctlProgram.runAndExit()
