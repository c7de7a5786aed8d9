// bpf(2) has no wrapper in libc. Admission rule: as in timber_sys.h.
#ifndef TIMBER_BPF_H
#define TIMBER_BPF_H

#include "timber_sys.h"

/// bpf(2). `size` bytes of the attributes are read, and written.
static inline long timber_bpf(int command, void *attributes, unsigned int size) {
    return TIMBER_RESULT(syscall(SYS_bpf, command, attributes, size));
}

#endif
