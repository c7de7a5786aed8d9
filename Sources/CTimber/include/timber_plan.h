// The launch plan: what timberd decided, flat, for timber-shim to execute. No names to resolve, no policy, no JSON.
//
// One buffer: struct timber_plan (or, for exec, struct timber_process alone at offset 0 of its own buffer, inside
// struct timber_exec) followed by a data area. A span points into the same buffer. Every string is NUL-terminated and its
// `count` excludes the NUL; every array is 8-byte aligned and its `count` is in elements. The reader checks each span against
// the buffer's length before use and refuses a buffer whose version it does not know.
#ifndef TIMBER_PLAN_H
#define TIMBER_PLAN_H

#include <stdint.h>

#define TIMBER_PLAN_MAGIC 0x504c4e31u /* "PLN1" */
#define TIMBER_PLAN_VERSION 1u
#define TIMBER_PLAN_MAX (1u << 20)    /* bytes; a larger plan is refused by both sides */
#define TIMBER_FDS_MAX 64u            /* descriptors with one message (SCM_MAX_FD is 253) */
#define TIMBER_NO_FD (-1)

/// A string or an array inside the plan's buffer: byte offset from the buffer's start, and how many.
struct timber_span {
    uint32_t offset;
    uint32_t count;
};

/// What runs: shared by the container's first process and by exec.
struct timber_process {
    struct timber_span argv;        /* array of struct timber_span (strings); at least one */
    struct timber_span env;         /* array of struct timber_span, "KEY=value" */
    struct timber_span cwd;         /* absolute, inside the container */
    struct timber_span groups;      /* array of uint32_t, supplementary gids */
    struct timber_span rlimits;     /* array of struct timber_rlimit */
    struct timber_span seccomp;     /* array of struct sock_filter (8 bytes each); count 0: no filter */
    uint64_t caps_bounding;         /* bit n = capability n; already clamped to timberd's own bounding set */
    uint64_t caps_effective;
    uint64_t caps_permitted;
    uint64_t caps_inheritable;      /* 0 by default (CVE-2022-24769) */
    uint64_t caps_ambient;
    uint32_t uid;
    uint32_t gid;
    uint32_t umask;                 /* 022 by default */
    uint32_t flags;                 /* TIMBER_PROCESS_* */
    uint16_t rows, columns;         /* first window size with TTY; 0: leave */
    int32_t oom_score_adj;          /* with TIMBER_PROCESS_OOM_SCORE */
};
#define TIMBER_PROCESS_TTY (1u << 0)               /* controlling terminal from the container's own devpts */
#define TIMBER_PROCESS_STDIN (1u << 1)             /* keep stdin open for attached clients; else /dev/null */
#define TIMBER_PROCESS_STDIN_ONCE (1u << 2)        /* close stdin when the first attached client's input ends */
#define TIMBER_PROCESS_NO_NEW_PRIVILEGES (1u << 3)
#define TIMBER_PROCESS_OOM_SCORE (1u << 4)
#define TIMBER_PROCESS_CREATE_CWD (1u << 5)        /* make the working directory when it is missing (image WorkingDir) */
#define TIMBER_PROCESS_INIT (1u << 6)              /* --init: PID 1 is ours, reaps and forwards signals; argv runs as its child */

struct timber_rlimit {
    uint32_t resource; /* RLIMIT_* */
    uint32_t reserved;
    uint64_t soft, hard;
};

/// One mount, made in the plan's order, on a target resolved with openat2(RESOLVE_IN_ROOT) under the container's root.
/// The source of a bind is cloned (open_tree) in the shim's own mount namespace before the child exists and before any
/// propagation changes: a clone of a shared mount stays its peer, so `propagation` alone decides between private, slave and
/// shared. A bind whose target lies inside procfs is refused (EPERM) unless its source is procfs too or it replaces one of
/// the files that lxcfs replaces (cpuinfo, meminfo, stat, …): CVE-2019-16884.
struct timber_mount {
    uint32_t kind;                /* TIMBER_MOUNT_* */
    uint32_t flags;               /* TIMBER_MOUNT_FLAG_* */
    uint64_t attributes;          /* MOUNT_ATTR_* to set (RDONLY, NOSUID, NODEV, NOEXEC, …) */
    uint64_t propagation;         /* MS_PRIVATE, MS_SLAVE, MS_SHARED (| MS_REC); 0: private */
    struct timber_span target;    /* absolute path inside the container */
    struct timber_span source;    /* BIND: host path. FS: file system type */
    struct timber_span options;   /* FS: array of struct timber_option */
    int32_t source_fd;            /* BIND: index into the message's descriptors (O_PATH, opened in the same mount namespace as
                                     the shim's), or TIMBER_NO_FD to open `source` */
    uint32_t mode;                /* permission bits of a target directory or file that has to be made */
};
#define TIMBER_MOUNT_BIND 1u      /* open_tree(OPEN_TREE_CLONE) of a host path or descriptor */
#define TIMBER_MOUNT_FS 2u        /* fsopen(source) with options: proc, sysfs, tmpfs, devpts, mqueue, cgroup, cgroup2 */
#define TIMBER_MOUNT_FLAG_RECURSIVE (1u << 0)   /* rbind */
#define TIMBER_MOUNT_FLAG_TARGET_FILE (1u << 1) /* a missing target is made as an empty file, not as a directory */
#define TIMBER_MOUNT_FLAG_NO_SYMLINK (1u << 2)  /* target must not be or pass through a symlink (/proc, /sys, /dev: CVE-2019-19921) */
#define TIMBER_MOUNT_FLAG_COPY_UP (1u << 3)     /* tmpfs: first copy what the image has at the target (docker: tmpcopyup) */
#define TIMBER_MOUNT_FLAG_READONLY_TOP (1u << 4) /* BIND: MOUNT_ATTR_RDONLY is for the source's own mount, not for those below it */

struct timber_option {
    struct timber_span key;
    struct timber_span value;     /* count 0: a flag (FSCONFIG_SET_FLAG) */
};

/// A device node made in the container's /dev (a tmpfs of our own), or bound from the host where mknod is not allowed.
struct timber_device {
    struct timber_span path;      /* absolute inside the container */
    uint32_t mode;                /* S_IFCHR | S_IFBLK | S_IFIFO and permission bits */
    uint32_t major, minor;
    uint32_t uid, gid;
    uint32_t reserved;
};

/// A symbolic link (/dev/fd, /dev/stdin, /dev/ptmx …) or a file to write (sysctl), by context.
struct timber_pair {
    struct timber_span path;      /* link: its absolute path inside the container. sysctl: path below /proc/sys, with slashes */
    struct timber_span value;     /* link: its target. sysctl: what to write */
};

struct timber_plan {
    uint32_t magic, version, size, flags;  /* size: the whole buffer; flags: TIMBER_PLAN_FLAG_* */
    uint64_t clone_flags;                  /* CLONE_NEW*: the namespaces to make; CLONE_NEWCGROUP is unshared after joining, with
                                              CLONE_NEWNET the child brings `lo` up; CLONE_NEWNS is always made */
    struct timber_process process;
    struct timber_span id;                 /* 64 hexadecimal characters */
    struct timber_span hostname;           /* count 0: leave */
    struct timber_span domainname;
    /* Root: overlay of `lower` (":"-separated short paths relative to layers_fd, highest layer first) with upper and work
       (absolute paths), or, when lower's count is 0, a bind of `upper`. Mounted by mount(2); the shim does fchdir(layers_fd) before clone:
       see docs/adr/0003-overlay-by-short-names.md. */
    struct timber_span lower, upper, work, overlay_options; /* overlay_options: further options, may be empty */
    struct timber_span rootfs;             /* absolute host path of the empty directory to mount the root on (in our own mount ns) */
    struct timber_span mounts;             /* array of struct timber_mount */
    struct timber_span devices;            /* array of struct timber_device */
    struct timber_span links;              /* array of struct timber_pair */
    struct timber_span sysctls;            /* array of struct timber_pair */
    struct timber_span masked_paths;       /* array of struct timber_span: files get /dev/null, directories an empty read-only tmpfs */
    struct timber_span readonly_paths;     /* array of struct timber_span: rebound read-only on themselves */
    /* Indices into the descriptors that came with the LAUNCH message; TIMBER_NO_FD where there is none. */
    int32_t layers_fd;                     /* directory that `lower` is relative to */
    int32_t log_fd;                        /* directory of the container's log; NO_FD: no log */
    int32_t bundle_fd;                     /* directory that the exit record is written to */
    int32_t netns_fd;                      /* network namespace to enter; NO_FD: clone_flags or the host's */
    int32_t ipcns_fd, utsns_fd, pidns_fd;  /* namespaces of another container to enter; NO_FD: clone_flags or the host's */
    int32_t cgroup_fd;                     /* v2 directory for CLONE_INTO_CGROUP; NO_FD: none */
    struct timber_span cgroup_tasks_fds;   /* array of int32_t: v1 `tasks` files, opened for writing; the child writes "0" */
    struct timber_span held_fds;           /* array of int32_t: port reservations and the like, held until the shim ends */
    uint64_t log_max_bytes;                /* rotate above this size; 0: never */
    uint32_t log_max_files;                /* how many are kept, the live one included; at least 1 */
    uint32_t reserved;
};
#define TIMBER_PLAN_FLAG_READONLY_ROOT (1u << 0)

/// The payload of EXEC: descriptors as above.
struct timber_exec {
    uint32_t magic, version, size, reserved;
    struct timber_process process;
    struct timber_span cgroup_tasks_fds;   /* array of int32_t */
    int32_t cgroup_fd;
    uint32_t reserved2;
};

#endif
