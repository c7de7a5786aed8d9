internal import Errors
