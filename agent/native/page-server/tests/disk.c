/*
 * A read with O_DIRECT as the kernel does it, with a sample of what was written in its middle: the page is taken for writing
 * when the read begins, the data comes by itself, through no page table. Exits 0 when the sample after the read tells of every
 * page that it filled, and 1 with a sentence when not. Without the preload's second write it must not: `control`.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <unistd.h>
static long in_between(long number, ...);
#define syscall(...) in_between(__VA_ARGS__)
#include "../../preload/uffd.c"
#undef syscall

#include <stdio.h>

#ifndef UFFDIO_REGISTER_MODE_WP
#define UFFDIO_REGISTER_MODE_WP 2
#endif

/* struct pm_scan_arg, struct page_region, PAGEMAP_SCAN: linux/fs.h of Linux 6.7. */
struct scan {
    uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages, inverted, mask, anyof, returned;
};
struct region {
    uint64_t start, end, categories;
};
#define SCAN _IOWR('f', 16, struct scan)
enum { PAGES = 8, PAGE = 4096 };

static char *ram, *device;
static int pagemap;

/* Bits of the pages that were written since the last call. */
static unsigned sample(void) {
    struct region found[PAGES];
    struct scan arg = {.size = sizeof arg, .flags = 3, .start = (uintptr_t)ram, .end = (uintptr_t)ram + PAGES * PAGE,
        .vec = (uintptr_t)found, .vec_len = PAGES, .mask = 2, .returned = 2};
    int count = ioctl(pagemap, SCAN, &arg);
    if (count < 0) {
        perror("PAGEMAP_SCAN");
        exit(1);
    }
    unsigned written = 0;
    for (int i = 0; i < count; i++)
        for (uint64_t at = found[i].start; at < found[i].end; at += PAGE)
            written |= 1u << ((at - (uintptr_t)ram) / PAGE);
    return written;
}

static ssize_t by_itself(const struct iovec *parts, int count) {
    ssize_t got = 0;
    for (int i = 0; i < count; i++) {
        char *to = parts[i].iov_base;
        for (size_t at = 0; at < parts[i].iov_len; at += PAGE)
            *(volatile char *)(to + at) = 0;
        got += (ssize_t)parts[i].iov_len;
    }
    sample();
    for (int i = 0; i < count; i++)
        memset(device + ((char *)parts[i].iov_base - ram), 9, parts[i].iov_len);
    return got;
}

static long in_between(long number, ...) {
    va_list words;
    va_start(words, number);
    long word[6];
    for (int i = 0; i < 6; i++)
        word[i] = va_arg(words, long);
    va_end(words);
    if (number == SYS_preadv)
        return by_itself((const struct iovec *)word[1], (int)word[2]);
    if (number == SYS_pread64) {
        struct iovec whole = {.iov_base = (void *)word[1], .iov_len = (size_t)word[2]};
        return by_itself(&whole, 1);
    }
    return (syscall)(number, word[0], word[1], word[2], word[3], word[4], word[5]);
}

static void must(const char *what, unsigned found, unsigned wanted) {
    if (found == wanted)
        return;
    printf("%s: written are %#x, not %#x\n", what, found, wanted);
    exit(1);
}

int main(void) {
    int file = memfd_create("ram", 0);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    setenv("SHOAL_UFFD_RAM", path, 1);
    if (file < 0 || ftruncate(file, PAGES * PAGE) != 0)
        return 1;
    ram = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    device = (char *)(syscall)(SYS_mmap, NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    memset(ram, 1, PAGES * PAGE);
    pagemap = open("/proc/self/pagemap", O_RDONLY);
    struct uffdio_register range = {
        .range = {.start = (uintptr_t)ram, .len = PAGES * PAGE}, .mode = UFFDIO_REGISTER_MODE_WP};
    if (kept < 0 || ioctl(kept, UFFDIO_REGISTER, &range) != 0) {
        printf("writes cannot be tracked here\n");
        return 1;
    }
    sample();
    must("nothing was written", sample(), 0);

    struct iovec parts[] = {{ram, PAGE}, {ram + 2 * PAGE, 2 * PAGE}};
    by_itself(parts, 2);
    must("control: a read that is not noted again", sample(), 0);
    preadv64(-1, parts, 2, 0);
    must("preadv64", sample(), 0x0d);
    preadv(-1, parts, 1, 0);
    must("preadv", sample(), 0x01);
    pread64(-1, ram + 5 * PAGE, 2 * PAGE, 0);
    must("pread64", sample(), 0x60);
    pread(-1, ram + 4 * PAGE, PAGE, 0);
    must("pread", sample(), 0x10);
    __pread64_chk(-1, ram + 7 * PAGE, PAGE, 0, PAGE);
    must("__pread64_chk", sample(), 0x80);
    if (ram[7 * PAGE] != 9)
        return 1;

    /* A read that was shorter than wanted, and one that failed or went elsewhere. */
    note(parts, 2, PAGE + 1);
    must("a short read", sample(), 0x05);
    note(parts, 2, -1);
    struct iovec elsewhere = {device, PAGE};
    note(&elsewhere, 1, PAGE);
    must("a failed one, and one to other memory", sample(), 0);
    return 0;
}
