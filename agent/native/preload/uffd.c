/*
 * libshoal-uffd.so: preloaded into every VMM that Shoal starts. When the VMM maps its RAM file, the mapping is put
 * under a userfaultfd, whose duplicate goes to the page server; the VMM keeps its own for life, so that no death of a
 * page server ever turns a missing page into a zero page (docs/design/page-server.md, facts/postcopy.md section 4).
 *
 * SHOAL_UFFD_RAM        path of the RAM file; without it this library does nothing
 * SHOAL_UFFD_SOCKET     unix socket of the page server; without it the VMM starts as usual (a source, a fresh start)
 * SHOAL_UFFD_DEVICE_FD  an open /dev/userfaultfd, for a VMM without rights of its own
 *
 * A VMM that is no target gets one too where the kernel can track writes, registered for nothing, which costs its guest
 * nothing: a page server at the source registers through a duplicate of it when a move begins.
 *
 * No allocation, raw system calls, and no way on after a failure: a guest must not run on memory that nobody fills.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
#ifndef UFFD_FEATURE_WP_HUGETLBFS_SHMEM
#define UFFD_FEATURE_WP_HUGETLBFS_SHMEM (1 << 12)
#endif
#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13)
#endif
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif
#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW _IO(0xAA, 0x00)
#endif

/* First word of the greeting, "SHOALUFD" as bytes. */
static const char magic[8] = {'S', 'H', 'O', 'A', 'L', 'U', 'F', 'D'};

struct greeting {
    char magic[8];
    uint64_t address;
    uint64_t length;
};

static uintptr_t ram_start, ram_end;
/* Kept open on purpose, for the life of the process. */
static int kept = -1;

static void say(const char *text) {
    ssize_t ignored = write(2, text, strlen(text));
    (void)ignored;
}

static void die(const char *what) {
    say("libshoal-uffd: ");
    say(what);
    say(": ");
    say(strerrorname_np(errno) ? strerrorname_np(errno) : "?");
    say("\n");
    abort();
}

/* Whether `fd` is the RAM file. */
static int is_ram(int fd) {
    const char *path = getenv("SHOAL_UFFD_RAM");
    struct stat wanted, found;
    if (!path || fd < 0)
        return 0;
    if (stat(path, &wanted) != 0 || fstat(fd, &found) != 0)
        return 0;
    return wanted.st_dev == found.st_dev && wanted.st_ino == found.st_ino;
}

/* What is needed to fill missing pages, and to track writes (Linux 6.7). Features are fixed when a userfaultfd is made. */
static const uint64_t to_fill = UFFD_FEATURE_MISSING_SHMEM | UFFD_FEATURE_THREAD_ID;
static const uint64_t to_track = UFFD_FEATURE_WP_HUGETLBFS_SHMEM | UFFD_FEATURE_WP_UNPOPULATED | UFFD_FEATURE_WP_ASYNC;

static int enable(int fd, uint64_t features) {
    /* One that is refused for a feature that the kernel lacks can be asked again. */
    struct uffdio_api api = {.api = UFFD_API, .features = features};
    return ioctl(fd, UFFDIO_API, &api);
}

static int open_uffd(void) {
    const char *device = getenv("SHOAL_UFFD_DEVICE_FD");
    int fd = -1;
    if (device)
        fd = ioctl(atoi(device), USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    return fd;
}

static int make_uffd(void) {
    int fd = open_uffd();
    if (fd < 0)
        die("no userfaultfd (see shoal doctor)");
    if (enable(fd, to_fill | to_track) != 0 && enable(fd, to_fill) != 0)
        die("UFFDIO_API");
    return fd;
}

/* For a VMM that is no target: nothing depends on it, so that no failure matters. */
static int make_tracker(void) {
    int before = errno;
    int fd = open_uffd();
    /* Faults of the kernel are let through without a word, which takes no right, and tracking resolves them by itself. */
    if (fd < 0)
        fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
    if (fd >= 0 && enable(fd, to_fill | to_track) != 0) {
        close(fd);
        fd = -1;
    }
    errno = before;
    return fd;
}

static void hand_over(const char *path, int uffd, void *address, size_t length) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof at.sun_path) {
        errno = ENAMETOOLONG;
        die("SHOAL_UFFD_SOCKET");
    }
    memcpy(at.sun_path, path, strlen(path) + 1);
    int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (sock < 0 || connect(sock, (struct sockaddr *)&at, sizeof at) != 0)
        die("the page server cannot be reached");

    struct greeting greeting = {.address = (uint64_t)(uintptr_t)address, .length = length};
    memcpy(greeting.magic, magic, sizeof magic);
    struct iovec data = {.iov_base = &greeting, .iov_len = sizeof greeting};
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    memset(&control, 0, sizeof control);
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(head), &uffd, sizeof uffd);
    if (sendmsg(sock, &message, MSG_NOSIGNAL) != (ssize_t)sizeof greeting)
        die("the descriptor cannot be handed over");

    char go = 0;
    ssize_t got;
    do
        got = read(sock, &go, 1);
    while (got < 0 && errno == EINTR);
    if (got != 1 || go != 1) {
        errno = got < 0 ? errno : ECONNRESET;
        die("the page server did not take the descriptor");
    }
    close(sock);
}

static void watch(void *address, size_t length, off_t offset) {
    const char *path = getenv("SHOAL_UFFD_SOCKET");
    if (path && (kept >= 0 || offset != 0)) {
        /* One range, from the start of the file: reads through any other mapping would fill holes unseen. */
        errno = EBUSY;
        die("the RAM file is mapped twice or in part");
    }
    ram_start = (uintptr_t)address;
    ram_end = ram_start + length;
    if (!path) {
        if (kept < 0)
            kept = make_tracker();
        return;
    }
    kept = make_uffd();
    struct uffdio_register range = {
        .range = {.start = (uint64_t)ram_start, .len = length}, .mode = UFFDIO_REGISTER_MODE_MISSING};
    if (ioctl(kept, UFFDIO_REGISTER, &range) != 0)
        die("UFFDIO_REGISTER");
    /* The watch is not a child's: what it touched would be filled with zeros, in the file that it shares. */
    if (syscall(SYS_madvise, address, length, MADV_DONTFORK) != 0)
        die("MADV_DONTFORK");
    /* A length that is not the guest's is refused there, which ends the VMM. */
    hand_over(path, kept, address, length);
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
    long result = syscall(SYS_mmap, address, length, protection, flags, fd, offset);
    int kind = flags & MAP_TYPE;
    if ((void *)result == MAP_FAILED || !is_ram(fd))
        return (void *)result;
    if (kind == MAP_SHARED || kind == MAP_SHARED_VALIDATE) {
        watch((void *)result, length, offset);
    } else if (getenv("SHOAL_UFFD_SOCKET")) {
        /* A read of it would put a zero page into the file where the guest's page is missing: no fault, no page. */
        errno = EINVAL;
        die("the RAM file is mapped privately");
    }
    return (void *)result;
}

void *mmap64(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
    return mmap(address, length, protection, flags, fd, offset);
}

/* A huge page would be filled as a whole by the first small one that comes in. */
int madvise(void *address, size_t length, int advice) {
    uintptr_t at = (uintptr_t)address;
    if (advice == MADV_HUGEPAGE && at < ram_end && at + length > ram_start)
        advice = MADV_NOHUGEPAGE;
    return (int)syscall(SYS_madvise, address, length, advice);
}

/*
 * A disk that is read with O_DIRECT writes into guest memory by itself: the kernel notes a write when the read begins and
 * takes the page for it, and nothing when the data comes. A sample between the two would take the page for unchanged from
 * then on. So every page that a read has filled is written once more, unchanged, when the read is over. QEMU reads its
 * disks so with aio=threads, the one kind that Shoal starts; with others `warm` would not be safe.
 */
static void note(const struct iovec *parts, int count, ssize_t got) {
    static const uintptr_t page = 4096;
    for (int i = 0; i < count && got > 0; i++) {
        uintptr_t at = (uintptr_t)parts[i].iov_base;
        size_t length = parts[i].iov_len < (size_t)got ? parts[i].iov_len : (size_t)got;
        got -= (ssize_t)length;
        if (length == 0 || at < ram_start || at >= ram_end)
            continue;
        uintptr_t end = at + length < ram_end ? at + length : ram_end;
        for (; at < end; at = (at & ~(page - 1)) + page)
            __atomic_fetch_or((unsigned char *)at, 0, __ATOMIC_RELAXED);
    }
}

ssize_t preadv64(int fd, const struct iovec *parts, int count, off64_t offset) {
    ssize_t got = syscall(SYS_preadv, fd, parts, count, offset, 0L);
    note(parts, count, got);
    return got;
}

ssize_t preadv(int fd, const struct iovec *parts, int count, off_t offset) {
    return preadv64(fd, parts, count, offset);
}

ssize_t pread64(int fd, void *to, size_t length, off64_t offset) {
    ssize_t got = syscall(SYS_pread64, fd, to, length, offset);
    struct iovec whole = {.iov_base = to, .iov_len = length};
    note(&whole, 1, got);
    return got;
}

ssize_t pread(int fd, void *to, size_t length, off_t offset) {
    return pread64(fd, to, length, offset);
}

/* What a build with _FORTIFY_SOURCE calls in its place, Debian's QEMU among them. */
ssize_t __pread64_chk(int fd, void *to, size_t length, off64_t offset, size_t room) {
    if (length > room)
        abort();
    return pread64(fd, to, length, offset);
}
