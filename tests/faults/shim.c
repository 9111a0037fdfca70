// Has calls of a program fail, or do less than they were told: preloaded (LD_PRELOAD), so into
// whatever uses the C library. The environment says which, in FAULT:
//
//     CALL PATH FIRST COUNT STEP ERROR BYTES
//
// Of the calls of that name on a file whose path holds PATH ("*": on anything), the one with number
// FIRST and the COUNT - 1 that follow at a distance of STEP fail with errno ERROR; where that is 0,
// they read or write at most BYTES. FAULT_LOG names a file that gets a byte for each such call.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static char fault_call[32], fault_path[512];
static unsigned long fault_first, fault_count, fault_step, fault_bytes;
static int fault_error, fault_log = -1;
static atomic_ulong calls;

__attribute__((constructor)) static void read_environment(void) {
    const char* text = getenv("FAULT");
    if (text == NULL)
        return;
    const int found = sscanf(
        text,
        "%31s %511s %lu %lu %lu %d %lu",
        fault_call,
        fault_path,
        &fault_first,
        &fault_count,
        &fault_step,
        &fault_error,
        &fault_bytes);
    if (found != 7)
        abort();
    const char* log = getenv("FAULT_LOG");
    if (log != NULL)
        fault_log = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int is_meant(const char* path) {
    return strcmp(fault_path, "*") == 0 || strstr(path, fault_path) != NULL;
}

// Whether this call on `path` is one of those.
static int is_hit(const char* call, const char* path) {
    if (strcmp(call, fault_call) != 0 || !is_meant(path))
        return 0;
    const unsigned long number = atomic_fetch_add(&calls, 1);
    if (number < fault_first || (number - fault_first) % fault_step != 0 ||
        (number - fault_first) / fault_step >= fault_count)
        return 0;
    const int error = errno;
    if (fault_log >= 0 && write(fault_log, ".", 1) != 1)
        abort();
    errno = error;
    return 1;
}

static int is_hit_at(const char* call, int fd) {
    if (strcmp(call, fault_call) != 0)
        return 0;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0)
        return 0;
    path[size] = 0;
    return is_hit(call, path);
}

#define REAL(name) __typeof__(name)* const real = (__typeof__(name)*)dlsym(RTLD_NEXT, #name)
#define FAIL(hit)                                                                                  \
    if ((hit) && fault_error != 0) {                                                               \
        errno = fault_error;                                                                       \
        return -1;                                                                                 \
    }

ssize_t pread(int fd, void* to, size_t bytes, off_t offset) {
    REAL(pread);
    const int hit = is_hit_at("pread", fd);
    FAIL(hit);
    return real(fd, to, hit && bytes > fault_bytes ? fault_bytes : bytes, offset);
}

ssize_t preadv(int fd, const struct iovec* to, int count, off_t offset) {
    REAL(preadv);
    const int hit = is_hit_at("preadv", fd);
    FAIL(hit);
    if (!hit || count == 0)
        return real(fd, to, count, offset);
    struct iovec first = to[0];
    first.iov_len = first.iov_len > fault_bytes ? fault_bytes : first.iov_len;
    return real(fd, &first, 1, offset);
}

ssize_t pwrite(int fd, const void* from, size_t bytes, off_t offset) {
    REAL(pwrite);
    const int hit = is_hit_at("pwrite", fd);
    FAIL(hit);
    return real(fd, from, hit && bytes > fault_bytes ? fault_bytes : bytes, offset);
}

int fsync(int fd) {
    REAL(fsync);
    FAIL(is_hit_at("fsync", fd));
    return real(fd);
}

int ftruncate(int fd, off_t bytes) {
    REAL(ftruncate);
    FAIL(is_hit_at("ftruncate", fd));
    return real(fd, bytes);
}

int fallocate(int fd, int mode, off_t offset, off_t bytes) {
    REAL(fallocate);
    FAIL(is_hit_at("fallocate", fd));
    return real(fd, mode, offset, bytes);
}

int fchmod(int fd, mode_t mode) {
    REAL(fchmod);
    FAIL(is_hit_at("fchmod", fd));
    return real(fd, mode);
}

int rename(const char* from, const char* to) {
    REAL(rename);
    FAIL(is_hit("rename", to));
    return real(from, to);
}

int renameat2(int folder, const char* from, int folder_to, const char* to, unsigned flags) {
    REAL(renameat2);
    FAIL(is_hit("rename", to));
    return real(folder, from, folder_to, to, flags);
}

int connect(int fd, const struct sockaddr* to, socklen_t bytes) {
    REAL(connect);
    FAIL(to->sa_family != AF_UNIX && is_hit_at("connect", fd));
    return real(fd, to, bytes);
}

int socket(int domain, int type, int protocol) {
    REAL(socket);
    FAIL((domain == AF_INET || domain == AF_INET6) && is_hit("socket", ""));
    return real(domain, type, protocol);
}

ssize_t recvmsg(int fd, struct msghdr* message, int flags) {
    REAL(recvmsg);
    FAIL(is_hit_at("recvmsg", fd));
    return real(fd, message, flags);
}

ssize_t recv(int fd, void* to, size_t bytes, int flags) {
    REAL(recv);
    FAIL(is_hit_at("recv", fd));
    return real(fd, to, bytes, flags);
}
