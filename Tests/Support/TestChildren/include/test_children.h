// Children of a test process, which has threads: between clone3(2) and execve(2) or _exit(2) a child may make system calls and nothing
// else (signal-safety(7)). Swift does not promise that: its runtime asks for memory and takes locks, which in a child may be held for ever
// by a thread that is not there.
#ifndef TEST_CHILDREN_H
#define TEST_CHILDREN_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Starts a program in a cgroup.
/// cgroup: directory of the v2 hierarchy to be born in, or -1. descriptors: count of them, that the program finds as first, first + 1, …
/// Returns the child's pid, or -errno.
pid_t test_spawn_in_cgroup(
    int cgroup, const int *descriptors, size_t count, int first, const char *program, char *const *arguments, char *const *environment);

/// A system call made by a child: f(number, a, b, c) as written in machine code.
typedef long (*test_gate)(int number, long a, long b, long c);

/// Loads a filter in a child, unless its length is 0, and lets it make one system call.
/// Returns the child's pid, or -errno. It exits with 0 or with the call's errno; with 125 or 126 when the filter was not accepted.
pid_t test_call_in_child(const struct sock_filter *filter, unsigned short length, test_gate gate, int number, const long arguments[3]);

#endif
