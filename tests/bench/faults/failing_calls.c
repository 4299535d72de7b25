/* A library for LD_PRELOAD that makes one system call of a process fail, or kills the process at it.

   FAULT_FOLDER  calls on files in it are counted, from 1
   FAULT_LOG     a file that a line is added to for each: "number call path"
   FAULT_AT      the number of the call that fails; 0: none
   FAULT_ERRNO   what it fails with; 0: SIGKILL. A write of several bytes fails after half of them, as on a disk that is full

   The variables are taken out of the environment, so that child processes run undisturbed. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[PATH_MAX], log_path[PATH_MAX];
static long fault_at, calls;
static int fault_errno, half_written_fd = -1;
static pid_t own_pid;

#define TRUE_CALL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void)
{
    const char *value = getenv("FAULT_FOLDER");
    if (value == NULL)
        return;
    snprintf(folder, sizeof folder, "%s/", value);
    snprintf(log_path, sizeof log_path, "%s", getenv("FAULT_LOG"));
    fault_at = atol(getenv("FAULT_AT"));
    fault_errno = atoi(getenv("FAULT_ERRNO"));
    own_pid = getpid();
    for (const char **name = (const char *[]){"FAULT_FOLDER", "FAULT_LOG", "FAULT_AT", "FAULT_ERRNO", "LD_PRELOAD", NULL}; *name; name++)
        unsetenv(*name);
}

/* Whether this call is the one that fails. */
static int fails(const char *call, const char *path)
{
    char whole[2 * PATH_MAX];
    if (folder[0] == 0 || getpid() != own_pid)
        return 0;
    if (path[0] == '/')
        snprintf(whole, sizeof whole, "%s", path);
    else {
        char here[PATH_MAX];
        if (getcwd(here, sizeof here) == NULL)
            return 0;
        snprintf(whole, sizeof whole, "%s/%s", here, path);
    }
    if (strncmp(whole, folder, strlen(folder)) != 0)
        return 0;
    long number = __sync_add_and_fetch(&calls, 1);
    char line[2 * PATH_MAX + 64];
    int length = snprintf(line, sizeof line, "%ld %s %s\n", number, call, whole + strlen(folder));
    int log = TRUE_CALL(open)(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (log >= 0) {
        if (TRUE_CALL(write)(log, line, length) < 0)
            abort();
        close(log);
    }
    return number == fault_at;
}

/* The same for a path that begins in an open folder. */
static int fails_at(const char *call, int in, const char *path)
{
    char link[64], place[PATH_MAX], whole[2 * PATH_MAX];
    if (in == AT_FDCWD || path[0] == '/')
        return fails(call, path);
    snprintf(link, sizeof link, "/proc/self/fd/%d", in);
    ssize_t length = folder[0] ? readlink(link, place, sizeof place - 1) : -1;
    if (length < 0)
        return 0;
    place[length] = 0;
    snprintf(whole, sizeof whole, "%s/%s", place, path);
    return fails(call, whole);
}

static int fails_fd(const char *call, int descriptor)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = folder[0] ? readlink(link, path, sizeof path - 1) : -1;
    if (length < 0 || path[0] != '/') /* a pipe */
        return 0;
    path[length] = 0;
    return fails(call, path);
}

static int fail(void)
{
    if (fault_errno == 0)
        kill(getpid(), SIGKILL);
    errno = fault_errno;
    return -1;
}

#define OPENING(name)                                                              \
    int name(const char *path, int flags, ...)                                     \
    {                                                                              \
        va_list rest;                                                              \
        va_start(rest, flags);                                                     \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0;  \
        va_end(rest);                                                              \
        if ((flags & O_ACCMODE) != O_RDONLY && fails("open", path))                \
            return fail();                                                         \
        return TRUE_CALL(name)(path, flags, mode);                                 \
    }
OPENING(open)
OPENING(open64)

ssize_t write(int descriptor, const void *data, size_t size)
{
    if (half_written_fd == descriptor) {
        half_written_fd = -1;
        return fail();
    }
    if (fails_fd("write", descriptor)) {
        if (size < 2)
            return fail();
        ssize_t half = TRUE_CALL(write)(descriptor, data, size / 2);
        if (fault_errno == 0)
            kill(getpid(), SIGKILL);
        half_written_fd = descriptor;
        return half;
    }
    return TRUE_CALL(write)(descriptor, data, size);
}

#define ON_PATH(name, parameters, path, arguments)  \
    int name parameters { return fails(#name, path) ? fail() : TRUE_CALL(name) arguments; }
#define ON_PATH_IN(name, parameters, in, path, arguments)  \
    int name parameters { return fails_at(#name, in, path) ? fail() : TRUE_CALL(name) arguments; }
#define ON_DESCRIPTOR(name, parameters, arguments)  \
    int name parameters { return fails_fd(#name, descriptor) ? fail() : TRUE_CALL(name) arguments; }

ON_PATH(rename, (const char *old, const char *new), new, (old, new))
ON_PATH_IN(renameat, (int in, const char *old, int to, const char *new), to, new, (in, old, to, new))
ON_PATH(mkdir, (const char *path, mode_t mode), path, (path, mode))
ON_PATH(unlink, (const char *path), path, (path))
ON_PATH_IN(unlinkat, (int in, const char *path, int flags), in, path, (in, path, flags))
ON_PATH(rmdir, (const char *path), path, (path))
ON_PATH(chmod, (const char *path, mode_t mode), path, (path, mode))
ON_DESCRIPTOR(fsync, (int descriptor), (descriptor))
ON_DESCRIPTOR(ftruncate, (int descriptor, off_t size), (descriptor, size))
ON_DESCRIPTOR(ftruncate64, (int descriptor, off64_t size), (descriptor, size))
