// CTimber is headers only; this file gives the target something to compile and checks that they stand alone.
#include "timber_net.h"
#include "timber_plan.h"
#include "timber_shim.h"
#include "timber_sys.h"

_Static_assert(sizeof(struct timber_frame) == 16, "the frame header is 16 bytes on the wire");
