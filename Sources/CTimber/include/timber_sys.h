// System calls and macros that Swift cannot call.
// Admission rule: one call a function, prefixed, returns -errno, no control flow. Anything more is Swift.
// No header here defines _GNU_SOURCE: Swift's Glibc module is made without it, and clang refuses two different declarations of fd_set,
// rusage and others as soon as a module sees both. The shim, which imports no Glibc, gets it by its flags.
#ifndef TIMBER_SYS_H
#define TIMBER_SYS_H

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <malloc.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define TIMBER_RESULT(expression)                                                                                      \
    ({                                                                                                                 \
        long timber_result_ = (long)(expression);                                                                      \
        timber_result_ < 0 ? -(long)errno : timber_result_;                                                            \
    })

/// clone3(2) without a new stack: returns twice, like fork. 0 in the child, the pid in the parent, -errno on failure.
static inline long timber_clone3(struct clone_args *arguments, size_t size) {
    return TIMBER_RESULT(syscall(SYS_clone3, arguments, size));
}
/// clone(2) like fork, as a child of the caller's parent. The older call, because filters refuse clone3, whose flags they cannot see.
static inline long timber_clone_sibling(void) {
    return TIMBER_RESULT(syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL));
}
/// openat2(2).
static inline long timber_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
    return TIMBER_RESULT(syscall(SYS_openat2, directory, path, &how, sizeof how));
}
/// pidfd_open(2).
static inline long timber_pidfd_open(pid_t pid, unsigned int flags) {
    return TIMBER_RESULT(syscall(SYS_pidfd_open, pid, flags));
}
/// pidfd_send_signal(2) without siginfo.
static inline long timber_pidfd_send_signal(int pidfd, int signal) {
    return TIMBER_RESULT(syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0));
}
/// waitid(P_PIDFD) for an exited child; fills info.
static inline long timber_waitid_pidfd(int pidfd, siginfo_t *info, int options) {
    return TIMBER_RESULT(waitid((idtype_t)3 /* P_PIDFD */, (id_t)pidfd, info, options));
}
/// si_pid, si_status and si_code are macros over a union.
static inline int timber_siginfo_pid(const siginfo_t *info) { return info->si_pid; }
static inline int timber_siginfo_status(const siginfo_t *info) { return info->si_status; }
static inline int timber_siginfo_code(const siginfo_t *info) { return info->si_code; }
/// fsopen(2).
static inline long timber_fsopen(const char *type, unsigned int flags) {
    return TIMBER_RESULT(syscall(SYS_fsopen, type, flags));
}
/// fsconfig(2).
static inline long timber_fsconfig(int fd, unsigned int command, const char *key, const void *value, int auxiliary) {
    return TIMBER_RESULT(syscall(SYS_fsconfig, fd, command, key, value, auxiliary));
}
/// fsmount(2).
static inline long timber_fsmount(int fd, unsigned int flags, unsigned int attributes) {
    return TIMBER_RESULT(syscall(SYS_fsmount, fd, flags, attributes));
}
/// open_tree(2).
static inline long timber_open_tree(int directory, const char *path, unsigned int flags) {
    return TIMBER_RESULT(syscall(SYS_open_tree, directory, path, flags));
}
/// move_mount(2).
static inline long timber_move_mount(int from, const char *fromPath, int to, const char *toPath, unsigned int flags) {
    return TIMBER_RESULT(syscall(SYS_move_mount, from, fromPath, to, toPath, flags));
}
/// mount_setattr(2).
static inline long timber_mount_setattr(int directory, const char *path, unsigned int flags, uint64_t set, uint64_t clear,
                                        uint64_t propagation) {
    struct mount_attr attributes = {.attr_set = set, .attr_clr = clear, .propagation = propagation};
    return TIMBER_RESULT(syscall(SYS_mount_setattr, directory, path, flags, &attributes, sizeof attributes));
}
/// mount(2), umount2(2): <sys/mount.h>, which has MNT_DETACH, does not go together with <linux/mount.h>.
#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif
static inline long timber_mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data) {
    return TIMBER_RESULT(syscall(SYS_mount, source, target, type, flags, data));
}
static inline long timber_umount2(const char *target, int flags) { return TIMBER_RESULT(syscall(SYS_umount2, target, flags)); }
/// pivot_root(2).
static inline long timber_pivot_root(const char *newRoot, const char *putOld) {
    return TIMBER_RESULT(syscall(SYS_pivot_root, newRoot, putOld));
}
/// close_range(2).
static inline long timber_close_range(unsigned int first, unsigned int last, unsigned int flags) {
    return TIMBER_RESULT(syscall(SYS_close_range, first, last, flags));
}
/// execveat(2).
static inline long timber_execveat(int directory, const char *path, char *const *argv, char *const *envp, int flags) {
    return TIMBER_RESULT(syscall(SYS_execveat, directory, path, argv, envp, flags));
}
/// capset(2) for the calling thread, version 3: two 32-bit halves a set.
static inline long timber_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[2] = {
        {.effective = (uint32_t)effective, .permitted = (uint32_t)permitted, .inheritable = (uint32_t)inheritable},
        {.effective = (uint32_t)(effective >> 32),
         .permitted = (uint32_t)(permitted >> 32),
         .inheritable = (uint32_t)(inheritable >> 32)},
    };
    return TIMBER_RESULT(syscall(SYS_capset, &header, data));
}
/// prctl(2) with all five arguments.
static inline long timber_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d) {
    return TIMBER_RESULT(prctl(option, a, b, c, d));
}
/// keyctl(2): a new, empty session keyring without a name.
static inline long timber_join_session_keyring(void) {
    return TIMBER_RESULT(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL, 0, 0, 0));
}
/// seccomp(2), SECCOMP_SET_MODE_FILTER. Raw setuid family calls below act on the calling thread only.
static inline long timber_seccomp_filter(unsigned int flags, struct sock_filter *filter, unsigned short count) {
    struct sock_fprog program = {.len = count, .filter = filter};
    return TIMBER_RESULT(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
}
static inline long timber_setresuid(uid_t uid) { return TIMBER_RESULT(syscall(SYS_setresuid, uid, uid, uid)); }
static inline long timber_setresgid(gid_t gid) { return TIMBER_RESULT(syscall(SYS_setresgid, gid, gid, gid)); }
static inline long timber_setgroups(size_t count, const gid_t *groups) {
    return TIMBER_RESULT(syscall(SYS_setgroups, count, groups));
}
/// ioctl(2) with an integer or pointer argument.
static inline long timber_ioctl_int(int fd, unsigned long request, long value) {
    return TIMBER_RESULT(ioctl(fd, request, value));
}
static inline long timber_ioctl_pointer(int fd, unsigned long request, void *value) {
    return TIMBER_RESULT(ioctl(fd, request, value));
}
/// Unlocks a pseudoterminal's slave, and opens it by its master: TIOCSPTLCK and TIOCGPTPEER are macros over sizeof.
static inline long timber_pty_unlock(int master) {
    int locked = 0;
    return TIMBER_RESULT(ioctl(master, TIOCSPTLCK, &locked));
}
static inline long timber_pty_peer(int master, int flags) { return TIMBER_RESULT(ioctl(master, TIOCGPTPEER, flags)); }
/// pipe2(2).
static inline long timber_pipe2(int ends[2], int flags) { return TIMBER_RESULT(syscall(SYS_pipe2, ends, flags)); }
/// memfd_create(2).
static inline long timber_memfd_create(const char *name, unsigned int flags) {
    return TIMBER_RESULT(syscall(SYS_memfd_create, name, flags));
}
/// fcntl(2) with an integer argument.
static inline long timber_fcntl(int fd, int command, long argument) { return TIMBER_RESULT(fcntl(fd, command, argument)); }
/// setns(2), unshare(2): not imported with every libc module map.
static inline long timber_setns(int fd, int flags) { return TIMBER_RESULT(syscall(SYS_setns, fd, flags)); }
static inline long timber_unshare(int flags) { return TIMBER_RESULT(syscall(SYS_unshare, flags)); }
/// accept4(2), close-on-exec; the peer's address is a transparent union.
static inline long timber_accept(int listener) {
    return TIMBER_RESULT(syscall(SYS_accept4, listener, NULL, NULL, SOCK_CLOEXEC));
}
/// getdents64(2), setrlimit(2) by number, getcwd(2) with the kernel's own "(unreachable)" prefix.
static inline long timber_getdents64(int fd, void *entries, size_t size) {
    return TIMBER_RESULT(syscall(SYS_getdents64, fd, entries, size));
}
static inline long timber_setrlimit(unsigned int resource, const struct rlimit *limit) {
    return TIMBER_RESULT(syscall(SYS_setrlimit, resource, limit));
}
static inline long timber_getcwd(char *path, size_t size) { return TIMBER_RESULT(syscall(SYS_getcwd, path, size)); }
/// rt_sigaction(2) with SIG_DFL or SIG_IGN, of every signal: libc's wrapper refuses the two that it keeps for itself, which may
/// have been inherited as ignored. The kernel's structure is handler, flags, restorer, mask.
static inline long timber_signal_default(int number) {
    const unsigned long action[4] = {(unsigned long)SIG_DFL};
    return TIMBER_RESULT(syscall(SYS_rt_sigaction, number, action, NULL, 8));
}
static inline long timber_signal_ignore(int number) {
    const unsigned long action[4] = {(unsigned long)SIG_IGN};
    return TIMBER_RESULT(syscall(SYS_rt_sigaction, number, action, NULL, 8));
}
/// syncfs(2): not imported with every libc module map.
static inline long timber_syncfs(int fd) { return TIMBER_RESULT(syscall(SYS_syncfs, fd)); }
/// mallopt(3), malloc_trim(3): not imported with libc's module map.
static inline int timber_malloc_arenas(int most) { return mallopt(M_ARENA_MAX, most); }
static inline int timber_malloc_mmap_threshold(int bytes) { return mallopt(M_MMAP_THRESHOLD, bytes); }
static inline int timber_malloc_trim_threshold(int bytes) { return mallopt(M_TRIM_THRESHOLD, bytes); }
static inline int timber_malloc_trim(void) { return malloc_trim(0); }
/// errno of the calling thread.
static inline int timber_errno(void) { return errno; }
/// errno = 0, for calls that report an error only there (readdir(3)).
static inline void timber_clear_errno(void) { errno = 0; }
/// CMSG_* are macros.
static inline size_t timber_cmsg_space(size_t bytes) { return CMSG_SPACE(bytes); }
static inline size_t timber_cmsg_len(size_t bytes) { return CMSG_LEN(bytes); }
static inline struct cmsghdr *timber_cmsg_first(struct msghdr *message) { return CMSG_FIRSTHDR(message); }
static inline struct cmsghdr *timber_cmsg_next(struct msghdr *message, struct cmsghdr *header) {
    return CMSG_NXTHDR(message, header);
}
static inline unsigned char *timber_cmsg_data(struct cmsghdr *header) { return CMSG_DATA(header); }
/// makedev(3) is a macro.
static inline uint64_t timber_makedev(unsigned int major, unsigned int minor) { return makedev(major, minor); }
static inline unsigned int timber_major(uint64_t device) { return major(device); }
static inline unsigned int timber_minor(uint64_t device) { return minor(device); }

#endif
