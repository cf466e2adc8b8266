/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the test guests write into their memory and oracle-check looks for.
 *
 * Every page that takes part describes itself: magic, the nonce of this boot, which
 * region it belongs to, its place in the order of writing, and its own page frame
 * number.  The checker needs no address from outside: it walks the image and takes
 * each page whose recorded frame is the address the image gives it.  Pages of an
 * earlier boot have another nonce.  The guest must keep its pages from migrating: the
 * copy left at the old address would be taken for the page.
 *
 * This header serves the 64-bit Linux guest, the 32-bit payload and the checker; it
 * must not need anything but <stdint.h>.
 */
#ifndef VTH_TESTS_ORACLE_H
#define VTH_TESTS_ORACLE_H

#include <stdint.h>

#define ORACLE_PAGE_SIZE 4096u
#define ORACLE_WORDS (ORACLE_PAGE_SIZE / 8)
#define ORACLE_SECTOR 512u

/* The constants are kept inverted in code, so that no page of program text or of
 * page cache that holds a guest program starts with one. */
#define ORACLE_MAGIC (~0xa9abb0adbebcb3baULL)
#define ORACLE_FILL_MAGIC (~0xa9abb0adb9b6b3b3ULL)
#define ORACLE_INFO_MAGIC (~0xa9abb0adb6b1b9b0ULL)
#define ORACLE_FRAME_MAGIC (~0xa9abb0adb9adbeb2ULL)

/* Who writes the region. */
enum {
  ORACLE_CPU = 1,   /* one thread, pinned to the vCPU of the region's number */
  ORACLE_CROSS = 2, /* all those threads take turns: a write follows its predecessor by another vCPU */
  ORACLE_BLK = 3,   /* virtio-blk: whole pages read from the disk by DMA, in order */
  ORACLE_NET = 4,   /* a thread that writes the number of the last frame it received */
};

/*
 * A page of the order.  The writer goes over pages 0, 1, 2, … and stores the round
 * number in counter, then in tail; so in a true snapshot the sequence
 * counter[0], tail[0], counter[1], tail[1], … never increases and its first and last
 * value differ by at most one.
 */
struct oracle_page {
  uint64_t magic;
  uint64_t nonce;
  uint64_t pfn;
  uint32_t kind;
  uint32_t region;
  uint32_t index;
  uint32_t npages;
  uint32_t counter;
  uint32_t pad[ORACLE_WORDS * 2 - 12];
  uint32_t tail;
};

/* A page that never changes after the guest said it is ready: word i is
 * oracle_fill_word (nonce, pfn, i), which neither compresses nor repeats. */
struct oracle_fill {
  uint64_t magic;
  uint64_t nonce;
  uint64_t pfn;
  uint64_t words[ORACLE_WORDS - 3];
};

/* Progress of one vCPU, in a cache line of its own: the stall probe polls it. */
struct oracle_beat {
  uint32_t beat;
  uint32_t pad[15];
};

#define ORACLE_MAX_CPUS 32u

/* One per boot: what else must be in the image. */
struct oracle_info {
  uint64_t magic;
  uint64_t nonce;
  uint64_t pfn;
  uint32_t cpus;
  uint32_t cpu_pages;   /* pages in each ORACLE_CPU region */
  uint32_t cross_pages; /* 0: no cross region */
  uint32_t blk_regions;
  uint32_t blk_pages;
  uint32_t net_pages; /* 0: no network region */
  uint32_t fill_pages;
  uint32_t ticks; /* tenths of a second, by the guest's timer: the guest as a whole lives */
  /* A vCPU whose program counter is in [loop_start, loop_end) holds the index it
   * writes in register loop_index and the round in loop_round (numbers of
   * NT_PRSTATUS slots); 0: not known. */
  uint64_t loop_start;
  uint64_t loop_end;
  uint32_t loop_index;
  uint32_t loop_round;
  uint64_t frames; /* frames sent so far; a frame with a higher number is from the future */
  uint64_t pad[245];
  struct oracle_beat beat[ORACLE_MAX_CPUS]; /* the second half of the page */
};

/* Ends each test frame on the network. */
struct oracle_frame {
  uint64_t magic;
  uint64_t nonce;
  uint64_t number;
};

static inline uint64_t
oracle_mix (uint64_t x)
{
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9ULL;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

#endif
