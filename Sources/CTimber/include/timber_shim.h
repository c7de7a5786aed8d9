// How timberd and timber-shim talk: frames over a stream Unix socket, `shim.sock` in the container's bundle directory (0600).
//
// timberd makes the bundle directory, binds and listens on shim.sock itself, and spawns the shim with
//   argv[0] = "timber-shim", argv[1] = the container's id, descriptor 3 = the listening socket. Nothing else is inherited
//   (0, 1, 2 are /dev/null, or timberd's log on 2). The shim may be made PID 1 of a pid namespace of its own (then the kernel
//   ends the whole container with it, whatever PR_SET_PDEATHSIG has come to); every pid it reports is translated to the one
//   in the pid namespace of the host's /proc.
// Every connection is equal. A connection starts as a control connection; an ATTACH without a descriptor turns it into a byte
// stream. An ATTACH that carries one descriptor (a stream socket, by SCM_RIGHTS) makes that descriptor the attached stream and
// leaves the connection a control connection: no answer is sent, and order on the connection is order of effect, so ATTACH, LAUNCH
// written in one go lose no output. With no such process and none that will be, the shim closes the descriptor.
// All integers are little-endian (both ends are the same machine).
#ifndef TIMBER_SHIM_H
#define TIMBER_SHIM_H

#include <stdint.h>

#define TIMBER_SHIM_LISTEN_FD 3
#define TIMBER_FRAME_MAX (1u << 20) /* payload bytes; a longer frame closes the connection */

struct timber_frame {
    uint32_t length;   /* payload bytes that follow */
    uint32_t type;     /* TIMBER_REQUEST_* or TIMBER_EVENT_* */
    uint32_t process;  /* 0: the container's first process; else the exec number that timberd chose */
    uint32_t value;    /* by type */
};

/* timberd → shim */
#define TIMBER_REQUEST_LAUNCH 1u  /* payload: plan; descriptors by SCM_RIGHTS with the frame's first byte. Once */
#define TIMBER_REQUEST_EXEC 2u    /* payload: struct timber_exec; process: its number, from 1 up, never reused. One that is dead
                                     (STATUS) is answered by FAILED: TIMBER_STAGE_PLAN, ESTALE */
#define TIMBER_REQUEST_SIGNAL 3u  /* value: signal number, sent to that process through its pidfd, and to the process group of an
                                     exec; no answer */
#define TIMBER_REQUEST_RESIZE 4u  /* value: rows << 16 | columns */
#define TIMBER_REQUEST_ATTACH 5u  /* value: TIMBER_ATTACH_*; answered by ATTACHED, then bytes only. May come before LAUNCH or EXEC */
#define TIMBER_REQUEST_STATUS 6u  /* answered by STATUS with one struct timber_status a process, of those that
                                     ended the latest only; none before LAUNCH */
#define TIMBER_REQUEST_HOLD 7u    /* the descriptors are held until the shim ends, as the plan's held_fds; no answer */
/* A frame that breaks these rules (unknown type, second LAUNCH, EXEC with a number in use, payload of the wrong size, too many
   descriptors) closes its connection and changes nothing. */

#define TIMBER_ATTACH_STDIN 1u
#define TIMBER_ATTACH_STDOUT 2u
#define TIMBER_ATTACH_STDERR 4u
/* On an attached connection the client's bytes are the process's input, and shutdown(SHUT_WR) is its end of file; the shim's
   bytes are Docker's multiplexed stream (8-byte header: stream 1|2, 0, 0, 0, big-endian length) or, with a terminal, the raw
   output. The shim closes it when the process has ended and everything is delivered. A slow reader holds the process back once
   1 MiB waits for it; it loses nothing. */

/* shim → timberd; events go to every control connection */
#define TIMBER_EVENT_STARTED 65u  /* value: pid as timberd sees it. Sent after execve succeeded */
#define TIMBER_EVENT_FAILED 66u   /* value: TIMBER_STAGE_*; payload: struct timber_failure, then detail bytes (a path), no NUL */
#define TIMBER_EVENT_EXITED 67u   /* value: wait status as waitpid(2) gives it; payload: struct timber_exit. After output is drained,
                                     and for process 0 after the exit record is on disk */
#define TIMBER_EVENT_ATTACHED 68u /* value: TIMBER_ATTACH_*, or 0: no such process and never will be (then it is closed) */
#define TIMBER_EVENT_STATUS 69u   /* payload: array of struct timber_status; value: every number up to this one that is not among them
                                     is dead, whether it ran or not */

struct timber_failure {
    int32_t error;     /* errno */
    uint32_t reserved;
};

struct timber_exit {
    int64_t seconds;   /* CLOCK_REALTIME of the exit */
    int32_t nanoseconds;
    int32_t status;    /* wait status; of a process that failed to start 127 << 8 (ENOENT at EXEC) or 126 << 8 */
};

struct timber_status {
    uint32_t process;
    uint32_t state;    /* 0 launching, 1 running, 2 ended */
    int32_t pid;
    int32_t status;    /* wait status once ended */
    int64_t start_ticks; /* field 22 of /proc/PID/stat: identity against pid reuse */
};

/* The exit record: file `exit` in the bundle directory, struct timber_exit_record, written to `exit.tmp`, rename. */
#define TIMBER_EXIT_RECORD_MAGIC 0x45584954u
struct timber_exit_record {
    uint32_t magic, version;
    struct timber_exit exit;
    uint32_t failed_stage; /* 0: the process ran; else TIMBER_STAGE_* at which the launch failed */
    int32_t error;         /* errno of that failure */
};

/* Launch stages, about in the order in which they run (limits come after the working directory); the number travels in FAILED and in the exit record. */
enum timber_stage {
    TIMBER_STAGE_NONE = 0,
    TIMBER_STAGE_PLAN,         /* the plan could not be read */
    TIMBER_STAGE_CLONE,        /* clone3 */
    TIMBER_STAGE_NAMESPACES,   /* setns */
    TIMBER_STAGE_CGROUP,       /* joining cgroups, unshare(CLONE_NEWCGROUP) */
    TIMBER_STAGE_PROPAGATION,  /* making / private */
    TIMBER_STAGE_ROOT,         /* overlay */
    TIMBER_STAGE_MOUNT,        /* a mount; detail: its target */
    TIMBER_STAGE_DEVICE,       /* a device node or link; detail: its path */
    TIMBER_STAGE_HOSTNAME,
    TIMBER_STAGE_SYSCTL,       /* detail: its path */
    TIMBER_STAGE_TERMINAL,     /* devpts, controlling terminal */
    TIMBER_STAGE_PIVOT,
    TIMBER_STAGE_READONLY,     /* read-only and masked paths; detail: the path */
    TIMBER_STAGE_LIMITS,       /* rlimits, oom_score_adj */
    TIMBER_STAGE_CWD,          /* detail: the directory */
    TIMBER_STAGE_USER,         /* groups, gid, uid */
    TIMBER_STAGE_CAPABILITIES,
    TIMBER_STAGE_SECCOMP,
    TIMBER_STAGE_EXEC,         /* execve; detail: the program. ENOENT → 127, EACCES and the rest → 126 */
    TIMBER_STAGE_LOST,         /* the child ended without a word */
};

#endif
