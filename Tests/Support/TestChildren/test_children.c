#include "test_children.h"

#include <errno.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static pid_t clone_child(int cgroup) {
    struct clone_args arguments = {.exit_signal = SIGCHLD};
    if (cgroup >= 0) {
        arguments.flags = CLONE_INTO_CGROUP;
        arguments.cgroup = (uint64_t)cgroup;
    }
    long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    return pid < 0 ? -errno : (pid_t)pid;
}

pid_t test_spawn_in_cgroup(
    int cgroup, const int *descriptors, size_t count, int first, const char *program, char *const *arguments, char *const *environment) {
    pid_t pid = clone_child(cgroup);
    if (pid != 0) return pid;
    for (size_t index = 0; index < count; index++)
        if (dup2(descriptors[index], first + (int)index) < 0) _exit(126);
    execve(program, arguments, environment);
    _exit(127);
}

pid_t test_call_in_child(const struct sock_filter *filter, unsigned short length, test_gate gate, int number, const long arguments[3]) {
    pid_t pid = clone_child(-1);
    if (pid != 0) return pid;
    if (length > 0) {
        struct sock_fprog program = {.len = length, .filter = (struct sock_filter *)filter};
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(126);
        if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) _exit(125);
    }
    long result = gate(number, arguments[0], arguments[1], arguments[2]);
    _exit(result < 0 ? (int)-result : 0);
}
