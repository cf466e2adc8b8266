/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The test guest: all of its user space.  It loads the modules the tests need, fills
 * memory with pages that oracle-check can verify, says on the serial console where
 * they are, and then writes them in order for ever (see oracle.h).
 *
 * Parameters, on the kernel's command line:
 *   vth.fill=MIB   incompressible memory that never changes        (default 64)
 *   vth.pages=N    pages in each vCPU's order                      (4096)
 *   vth.adjacent=N pages of the orders that lie side by side       (1)
 *   vth.cross=N    pages of the order across vCPUs, 0: none        (1024, with 2 vCPUs or more)
 *   vth.rate=N     page writes a second and vCPU, 0: unlimited     (0)
 *   vth.dirty=MIB  memory each vCPU overwrites beside that, wholly (0)
 *   vth.blk=N      threads that write to and read from /dev/vda    (0)
 *   vth.sata=N     threads, each with an AHCI port and its disk    (0)
 *   vth.net=1      frames from the first to the second network card, or back from an
 *                  echo where there is one card                    (0)
 *   vth.reboot=S   reboot S seconds after the start                (never)
 *   vth.panic=S    panic, likewise                                 (never)
 *
 * It is linked statically and knows no other program.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "oracle.h"

/* A vCPU's place in its order lives in registers, so that the registers a dump
 * records can be compared with the memory it records.  r14 and r15 are numbers 1 and
 * 0 in NT_PRSTATUS. */
register uint64_t cur_round __asm__ ("r15");
register uint64_t cur_index __asm__ ("r14");
enum { PRSTATUS_R15 = 0, PRSTATUS_R14 = 1 };

_Static_assert (sizeof (struct oracle_page) == ORACLE_PAGE_SIZE, "one page");
_Static_assert (sizeof (struct oracle_fill) == ORACLE_PAGE_SIZE, "one page");
_Static_assert (sizeof (struct oracle_info) == ORACLE_PAGE_SIZE, "one page");
_Static_assert (offsetof (struct oracle_info, beat) == ORACLE_PAGE_SIZE / 2, "aligned");

enum { ETHERTYPE_TEST = 0x88b5, FRAME_SIZE = 1024, BLK_PAGES = 256, NET_PAGES = 1024 };

typedef struct oracle_page Page;

static struct
{
  unsigned long fill_mib, pages, adjacent, cross, rate, dirty_mib, blk, sata, net, reboot, panic;
} param = { .fill_mib = 64, .pages = 4096, .adjacent = 1, .cross = 1024 };

static struct oracle_info *info;
static uint64_t nonce;
static unsigned n_cpus;
static int pagemap_fd = -1, console_fd = 2;
static Page **cpu_pages[ORACLE_MAX_CPUS], **cross_pages, **net_pages;
static pthread_barrier_t start_line;

static void say (const char *format, ...) __attribute__ ((format (printf, 1, 2)));
static void die (const char *what) __attribute__ ((noreturn));

static void
say (const char *format, ...)
{
  char line[512];
  va_list args;
  size_t n;

  va_start (args, format);
  n = (size_t) snprintf (line, sizeof line, "vth: ");
  n += (size_t) vsnprintf (line + n, sizeof line - n - 1, format, args);
  va_end (args);
  if (n > sizeof line - 2)
    n = sizeof line - 2;
  line[n++] = '\n';
  (void) !write (console_fd, line, n);
}

static void
die (const char *what)
{
  say ("fatal: %s: %s", what, strerror (errno));
  sync ();
  reboot (RB_POWER_OFF);
  for (;;)
    pause ();
}

static void
put_file (const char *path, const char *text)
{
  int fd = open (path, O_WRONLY | O_CLOEXEC);

  if (fd >= 0)
    {
      (void) !write (fd, text, strlen (text));
      close (fd);
    }
}

static void
read_parameters (void)
{
  static const struct
  {
    const char *name;
    unsigned long *value;
  } known[] = {
    { "vth.fill", &param.fill_mib },     { "vth.pages", &param.pages },   { "vth.adjacent", &param.adjacent },
    { "vth.cross", &param.cross },       { "vth.rate", &param.rate },     { "vth.dirty", &param.dirty_mib },
    { "vth.blk", &param.blk },           { "vth.sata", &param.sata },     { "vth.net", &param.net },
    { "vth.reboot", &param.reboot },     { "vth.panic", &param.panic },
  };
  char line[4096], *word, *state = NULL;
  int fd = open ("/proc/cmdline", O_RDONLY);
  ssize_t n = fd < 0 ? 0 : read (fd, line, sizeof line - 1);

  line[n < 0 ? 0 : n] = '\0';
  for (word = strtok_r (line, " \n", &state); word; word = strtok_r (NULL, " \n", &state))
    {
      char *value = strchr (word, '=');

      if (!value || strncmp (word, "vth.", 4) != 0)
        continue;
      *value++ = '\0';
      for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp (word, known[i].name) == 0)
          *known[i].value = strtoul (value, NULL, 0);
    }
  close (fd);
}

/* Loads all modules of the archive.  Nothing says in which order, so those that lack
 * another's symbols are tried again after it. */
static void
load_modules (void)
{
  bool loaded = true, failed = true;

  while (loaded && failed)
    {
      DIR *directory = opendir ("/modules");
      struct dirent *entry;

      if (!directory)
        return;
      loaded = failed = false;
      while ((entry = readdir (directory)))
        {
          int fd = entry->d_name[0] == '.' ? -1 : openat (dirfd (directory), entry->d_name, O_RDONLY | O_CLOEXEC);

          if (fd < 0)
            continue;
          if (syscall (SYS_finit_module, fd, "", 0) == 0)
            loaded = true;
          else if (errno == ENOENT)
            failed = true;
          close (fd);
        }
      closedir (directory);
    }
}

/* The page frame under an address, which must be populated and locked.  Asking for one
 * page at a time would take most of the guest's start, so 2 MiB are asked for. */
static uint64_t
frame_of (const void *address)
{
  static __thread uint64_t entries[512], chunk = UINT64_MAX;
  uint64_t page = (uintptr_t) address / ORACLE_PAGE_SIZE;

  if (page / 512 != chunk)
    {
      chunk = page / 512;
      if (pread (pagemap_fd, entries, sizeof entries, (off_t) (chunk * sizeof entries)) != (ssize_t) sizeof entries)
        die ("pagemap");
    }
  if (!(entries[page % 512] >> 63))
    {
      errno = EFAULT;
      die ("pagemap");
    }
  return entries[page % 512] & ((1ULL << 55) - 1);
}

static void *
allocate (size_t bytes)
{
  const size_t huge = 2 << 20;
  char *p;

  bytes = (bytes + huge - 1) / huge * huge;
  p = mmap (NULL, bytes + huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED)
    die ("mmap");
  p += (huge - (uintptr_t) p % huge) % huge;
  madvise (p, bytes, MADV_HUGEPAGE);
  /* Locked pages stay where they are: migration of locked ones is switched off. */
  if (mlock (p, bytes) < 0)
    die ("mlock");
  return p;
}

static void
fill_page (void *page)
{
  static uint64_t base[ORACLE_WORDS];
  struct oracle_fill *fill = page;
  uint64_t pfn = frame_of (page), key = oracle_mix (nonce ^ pfn);

  if (base[0] == 0)
    for (unsigned i = 0; i < ORACLE_WORDS; i++)
      base[i] = oracle_mix (i + 1);
  for (unsigned i = 3; i < ORACLE_WORDS; i++)
    ((uint64_t *) page)[i] = base[i] ^ key;
  fill->magic = ORACLE_FILL_MAGIC;
  fill->nonce = nonce;
  fill->pfn = pfn;
}

static void
page_init (Page *page, uint32_t kind, uint32_t region, uint32_t index, uint32_t npages, uint64_t pfn)
{
  memset (page, 0, sizeof *page);
  page->magic = ORACLE_MAGIC;
  page->nonce = nonce;
  page->pfn = pfn;
  page->kind = kind;
  page->region = region;
  page->index = index;
  page->npages = npages;
}

/*
 * One block of memory holds the fill and, spread evenly over it and in a shuffled
 * order, the pages of all orders, each by itself or so many side by side.  A dump
 * that walks memory upwards or downwards then reads them far apart in time and in no
 * useful order: nothing hides a tear.
 */
static void
lay_out (void)
{
  size_t n_cross = n_cpus > 1 ? param.cross / n_cpus * n_cpus : 0;
  size_t n_net = param.net ? NET_PAGES : 0;
  size_t n_order = n_cpus * param.pages + n_cross + n_net;
  size_t n_fill = (param.fill_mib << 20) / ORACLE_PAGE_SIZE, total = n_fill + n_order, next = 0;
  size_t group = param.adjacent ? param.adjacent : 1;
  char *block = allocate (total * ORACLE_PAGE_SIZE);
  Page **order = calloc (n_order + 1, sizeof *order), **p;
  uint64_t state = nonce;

  for (size_t i = 0; i < total; i++)
    {
      char *page = block + i * ORACLE_PAGE_SIZE;

      /* Page number `next` of an order is due where its group begins, and behind those before it. */
      if (next < n_order && i >= next / group * group * total / n_order + next % group)
        order[next++] = (Page *) page;
      else
        fill_page (page);
    }
  for (size_t i = n_order; i > 1; i--)
    {
      size_t j = (state = oracle_mix (state + i)) % i;
      Page *other = order[j];

      order[j] = order[i - 1];
      order[i - 1] = other;
    }

  p = order;
  for (unsigned t = 0; t < n_cpus; t++, p += param.pages)
    {
      cpu_pages[t] = p;
      for (size_t i = 0; i < param.pages; i++)
        page_init (p[i], ORACLE_CPU, t, (uint32_t) i, (uint32_t) param.pages, frame_of (p[i]));
    }
  cross_pages = p;
  for (size_t i = 0; i < n_cross; i++)
    page_init (p[i], ORACLE_CROSS, 0, (uint32_t) i, (uint32_t) n_cross, frame_of (p[i]));
  p += n_cross;
  net_pages = p;
  for (size_t i = 0; i < n_net; i++)
    page_init (p[i], ORACLE_NET, 0, (uint32_t) i, (uint32_t) n_net, frame_of (p[i]));

  info->cpu_pages = (uint32_t) param.pages;
  info->cross_pages = (uint32_t) n_cross;
  info->net_pages = (uint32_t) n_net;
  info->fill_pages = (uint32_t) (total - n_order);
}

static inline uint64_t
cycles (void)
{
  return __builtin_ia32_rdtsc ();
}

static uint64_t cycles_per_second;

static void
measure_clock (void)
{
  struct timespec wait = { .tv_nsec = 50 * 1000 * 1000 };
  uint64_t start = cycles ();

  nanosleep (&wait, NULL);
  cycles_per_second = (cycles () - start) * 20;
}

/* The pages of the order across vCPUs are written by the vCPUs in turn, each when it
 * has seen its predecessor's write. */
typedef struct
{
  uint32_t index;
  uint32_t round;
} CrossPlace;

static inline void
cross_step (unsigned cpu, CrossPlace *place)
{
  uint32_t n = info->cross_pages;
  volatile Page *before = cross_pages[(place->index + n - 1) % n], *mine = cross_pages[place->index];
  uint32_t expected = place->index > 0 ? place->round : place->round - 1;

  if (before->tail != expected)
    return;
  mine->counter = place->round;
  mine->tail = place->round;
  place->index += n_cpus;
  if (place->index >= n)
    {
      place->index = cpu;
      place->round++;
    }
}

static void __attribute__ ((noinline, section ("loop_text")))
write_in_order (unsigned cpu, volatile uint64_t *dirty, size_t dirty_words)
{
  Page **pages = cpu_pages[cpu];
  volatile uint32_t *beat = &info->beat[cpu].beat;
  CrossPlace cross = { .index = cpu, .round = 1 };
  uint64_t n = param.pages, n_cross = info->cross_pages, step = 0, due, at = 0;

  step = param.rate ? cycles_per_second / param.rate : 0;
  due = cycles ();
  for (cur_round = 1;; cur_round++)
    for (cur_index = 0; cur_index < n; cur_index++)
      {
        volatile Page *page = pages[cur_index];

        __asm__ volatile ("" : : : "memory");
        page->counter = (uint32_t) cur_round;
        page->tail = (uint32_t) cur_round;
        __asm__ volatile ("" : : : "memory");
        ++*beat;
        if (n_cross)
          cross_step (cpu, &cross);
        if (dirty_words)
          {
            for (unsigned i = 0; i < 512; i++)
              dirty[at + i] = cur_round + i;
            if ((at += 512) >= dirty_words)
              at = 0;
          }
        if (step)
          for (due += step; (int64_t) (due - cycles ()) > 0;)
            {
              ++*beat;
              if (n_cross)
                cross_step (cpu, &cross);
            }
      }
}

static void *
cpu_thread (void *data)
{
  unsigned cpu = (unsigned) (uintptr_t) data;
  size_t dirty_bytes = param.dirty_mib << 20;
  void *dirty = dirty_bytes ? allocate (dirty_bytes) : NULL;
  cpu_set_t set;

  CPU_ZERO (&set);
  CPU_SET (cpu, &set);
  if (sched_setaffinity (0, sizeof set, &set) < 0)
    die ("sched_setaffinity");
  pthread_barrier_wait (&start_line);
  write_in_order (cpu, dirty, dirty_bytes / 8);
  return NULL;
}

/*
 * A SATA disk, driven from here: the cloud kernel has no driver for AHCI.  Command
 * list, received FISes and command table have a page each; commands are queued ones
 * and others in turn.
 */
typedef struct
{
  volatile uint32_t *port; /* registers */
  char *list, *fis, *table;
  bool queued;
} Ahci;

enum { AHCI_GHC = 1, AHCI_CLB = 0, AHCI_CLBU, AHCI_FB, AHCI_FBU, AHCI_CMD = 6, AHCI_TFD = 8, AHCI_SERR = 12, AHCI_SACT, AHCI_CI };

static uint64_t
physical (const void *address)
{
  return frame_of (address) * ORACLE_PAGE_SIZE + (uintptr_t) address % ORACLE_PAGE_SIZE;
}

static volatile uint32_t *
ahci_map (void)
{
  DIR *directory = opendir ("/sys/bus/pci/devices");
  struct dirent *entry;

  while (directory && (entry = readdir (directory)))
    {
      char path[512], class[16] = "";
      uint16_t command = 7;
      void *map;
      int fd;

      snprintf (path, sizeof path, "/sys/bus/pci/devices/%s/class", entry->d_name);
      if ((fd = open (path, O_RDONLY | O_CLOEXEC)) < 0)
        continue;
      (void) !read (fd, class, sizeof class - 1);
      close (fd);
      if (strncmp (class, "0x010601", 8) != 0)
        continue;
      snprintf (path, sizeof path, "/sys/bus/pci/devices/%s/enable", entry->d_name);
      put_file (path, "1");
      snprintf (path, sizeof path, "/sys/bus/pci/devices/%s/config", entry->d_name);
      if ((fd = open (path, O_RDWR | O_CLOEXEC)) < 0 || pwrite (fd, &command, sizeof command, 4) != sizeof command)
        die ("AHCI config");
      close (fd);
      snprintf (path, sizeof path, "/sys/bus/pci/devices/%s/resource5", entry->d_name);
      fd = open (path, O_RDWR | O_SYNC | O_CLOEXEC);
      map = mmap (NULL, ORACLE_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
      if (fd < 0 || map == MAP_FAILED)
        die ("AHCI registers");
      close (fd);
      closedir (directory);
      return map;
    }
  errno = ENODEV;
  die ("AHCI");
}

static void
ahci_open (Ahci *ahci, unsigned port)
{
  volatile uint32_t *hba = ahci_map (), *regs = hba + (0x100 + port * 0x80) / 4;

  hba[AHCI_GHC] |= 1U << 31;
  regs[AHCI_CMD] &= ~0x11U;
  while (regs[AHCI_CMD] & 0xc000)
    usleep (1000);
  ahci->port = regs;
  ahci->list = allocate (3 * ORACLE_PAGE_SIZE);
  ahci->fis = ahci->list + ORACLE_PAGE_SIZE;
  ahci->table = ahci->fis + ORACLE_PAGE_SIZE;
  regs[AHCI_CLB] = (uint32_t) physical (ahci->list);
  regs[AHCI_CLBU] = (uint32_t) (physical (ahci->list) >> 32);
  regs[AHCI_FB] = (uint32_t) physical (ahci->fis);
  regs[AHCI_FBU] = (uint32_t) (physical (ahci->fis) >> 32);
  regs[AHCI_SERR] = UINT32_MAX;
  regs[AHCI_CMD] |= 0x16;
  regs[AHCI_CMD] |= 1;
}

/* One page from or to the disk. */
static void
ahci_move (Ahci *ahci, bool to_disk, const void *page, off_t where)
{
  uint64_t lba = (uint64_t) where / 512, table = physical (ahci->table), data = physical (page);
  uint8_t sectors = ORACLE_PAGE_SIZE / 512;
  uint32_t header[4] = { 5 | (to_disk ? 1U << 6 : 0) | 1U << 16, 0, (uint32_t) table, (uint32_t) (table >> 32) };
  uint32_t prd[4] = { (uint32_t) data, (uint32_t) (data >> 32), 0, ORACLE_PAGE_SIZE - 1 };
  uint8_t fis[20] = { 0x27, 0x80, 0, 0, (uint8_t) lba, (uint8_t) (lba >> 8), (uint8_t) (lba >> 16), 0x40,
                      (uint8_t) (lba >> 24), (uint8_t) (lba >> 32), (uint8_t) (lba >> 40) };
  unsigned waits = ahci->queued ? AHCI_SACT : AHCI_CI;

  fis[2] = ahci->queued ? (to_disk ? 0x61 : 0x60) : (to_disk ? 0x35 : 0x25);
  fis[ahci->queued ? 3 : 12] = sectors;
  memcpy (ahci->list, header, sizeof header);
  memcpy (ahci->table, fis, sizeof fis);
  memcpy (ahci->table + 128, prd, sizeof prd);
  __sync_synchronize ();
  if (ahci->queued)
    ahci->port[AHCI_SACT] = 1;
  ahci->port[AHCI_CI] = 1;
  while (ahci->port[waits] & 1)
    sched_yield ();
  __sync_synchronize ();
  if (ahci->port[AHCI_TFD] & 1)
    die ("SATA");
  ahci->queued = !ahci->queued;
}

/*
 * The disk: block n is written from a page that says "round r, index i", then read
 * back into page i of the region, so the region's pages are written whole, in order,
 * by the device.  Each 512 bytes carry the round, so that a page that was recorded
 * while the device was writing it shows.
 */
static void *
blk_thread (void *data)
{
  unsigned region = (unsigned) (uintptr_t) data;
  char *memory = allocate ((BLK_PAGES + 1) * ORACLE_PAGE_SIZE);
  Page *source = (Page *) (memory + BLK_PAGES * ORACLE_PAGE_SIZE);
  off_t base = (off_t) region * BLK_PAGES * ORACLE_PAGE_SIZE;
  uint64_t frames[BLK_PAGES];
  bool sata = region >= param.blk;
  Ahci ahci = { 0 };
  int fd = sata ? -1 : open ("/dev/vda", O_RDWR | O_DIRECT | O_CLOEXEC);

  if (sata)
    ahci_open (&ahci, region - (unsigned) param.blk);
  else if (fd < 0)
    die ("/dev/vda");
  for (uint32_t i = 0; i < BLK_PAGES; i++)
    {
      Page *page = (Page *) (memory + i * ORACLE_PAGE_SIZE);

      frames[i] = frame_of (page);
      page_init (page, ORACLE_BLK, region, i, BLK_PAGES, frames[i]);
    }
  pthread_barrier_wait (&start_line);
  for (uint32_t round = 1;; round++)
    for (uint32_t i = 0; i < BLK_PAGES; i++)
      {
        off_t where = base + (off_t) i * ORACLE_PAGE_SIZE;

        page_init (source, ORACLE_BLK, region, i, BLK_PAGES, frames[i]);
        source->counter = round;
        for (unsigned s = 1; s < ORACLE_PAGE_SIZE / ORACLE_SECTOR; s++)
          ((uint32_t *) source)[s * ORACLE_SECTOR / 4] = round;
        source->tail = round;
        if (sata)
          {
            ahci_move (&ahci, true, source, where);
            ahci_move (&ahci, false, memory + i * ORACLE_PAGE_SIZE, where);
            continue;
          }
        if (pwrite (fd, source, ORACLE_PAGE_SIZE, where) != (ssize_t) ORACLE_PAGE_SIZE
            || pread (fd, memory + i * ORACLE_PAGE_SIZE, ORACLE_PAGE_SIZE, where) != (ssize_t) ORACLE_PAGE_SIZE)
          die ("disk");
      }
  return NULL;
}

/*
 * The network: frame n + 1 is sent when frame n has come back and its number stands
 * in the region's pages.  A frame in the image with a number higher than those allow
 * was put there by the device after T0.
 */
static int
packet_socket (const char *name, struct sockaddr_ll *address)
{
  struct ifreq request = { 0 };
  int fd = socket (AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons (ETHERTYPE_TEST));

  if (fd < 0)
    die ("socket");
  strncpy (request.ifr_name, name, IFNAMSIZ - 1);
  if (ioctl (fd, SIOCGIFFLAGS, &request) < 0)
    return close (fd), -1;
  request.ifr_flags |= IFF_UP | IFF_PROMISC;
  if (ioctl (fd, SIOCSIFFLAGS, &request) < 0 || ioctl (fd, SIOCGIFINDEX, &request) < 0)
    die (name);
  *address = (struct sockaddr_ll){ .sll_family = AF_PACKET,
                                   .sll_protocol = htons (ETHERTYPE_TEST),
                                   .sll_ifindex = request.ifr_ifindex,
                                   .sll_halen = 6 };
  if (bind (fd, (struct sockaddr *) address, sizeof *address) < 0)
    die ("bind");
  return fd;
}

static void *
net_thread (void *data)
{
  struct sockaddr_ll to, from_address, unused;
  int out = packet_socket ("eth0", &to), in = packet_socket ("eth1", &unused);
  unsigned char frame[FRAME_SIZE], got[FRAME_SIZE + 64];
  volatile uint64_t *frames = &info->frames;

  (void) data;
  if (out < 0)
    die ("eth0");
  if (in < 0)
    in = out;
  memset (frame, 0xff, 12);
  frame[12] = ETHERTYPE_TEST >> 8;
  frame[13] = ETHERTYPE_TEST & 0xff;
  for (unsigned i = 14; i < sizeof frame; i++)
    frame[i] = (unsigned char) i;
  pthread_barrier_wait (&start_line);
  for (uint64_t number = 1;; number++)
    {
      struct oracle_frame stamp = { ORACLE_FRAME_MAGIC, nonce, number }, back;
      volatile Page *page = net_pages[(number - 1) % NET_PAGES];
      uint32_t round = (uint32_t) ((number - 1) / NET_PAGES + 1);

      *frames = number;
      memcpy (frame + sizeof frame - sizeof stamp, &stamp, sizeof stamp);
      for (;;)
        {
          struct pollfd waiting = { .fd = in, .events = POLLIN };
          socklen_t length = sizeof from_address;
          ssize_t n;

          if (sendto (out, frame, sizeof frame, 0, (struct sockaddr *) &to, sizeof to) < 0 && errno != ENOBUFS)
            die ("send");
          /* A lost frame is sent again. */
          while (poll (&waiting, 1, 1000) > 0)
            {
              n = recvfrom (in, got, sizeof got, 0, (struct sockaddr *) &from_address, &length);
              if (n < (ssize_t) sizeof frame || from_address.sll_pkttype == PACKET_OUTGOING)
                continue;
              memcpy (&back, got + sizeof frame - sizeof back, sizeof back);
              if (back.magic == ORACLE_FRAME_MAGIC && back.number == number)
                goto received;
            }
        }
    received:
      page->counter = round;
      page->tail = round;
    }
  return NULL;
}

static void
spawn (void *(*run) (void *), uintptr_t argument)
{
  pthread_t thread;

  if (pthread_create (&thread, NULL, run, (void *) argument) != 0)
    die ("pthread_create");
}

/* Warnings of the kernel since the last call; a test treats any as a failure. */
static void
report_warnings (int kmsg)
{
  char record[4096];
  ssize_t n;

  while ((n = read (kmsg, record, sizeof record - 1)) > 0)
    {
      char *text;
      unsigned level = (unsigned) strtoul (record, NULL, 10) & 7;

      record[n] = '\0';
      record[strcspn (record, "\n")] = '\0';
      text = strchr (record, ';');
      /* A host with little time for the guest: no fault of a dump. */
      if (text && (strstr (text, "hrtimer: interrupt took") || strstr (text, "clocksource")
                   || strstr (text, "TSC found unstable")))
        continue;
      if (level <= 4 && text)
        say ("kernel-warning <%u> %s", level, text + 1);
    }
}

static void
set_up (void)
{
  mkdir ("/proc", 0755);
  mkdir ("/sys", 0755);
  mkdir ("/dev", 0755);
  mount ("proc", "/proc", "proc", 0, NULL);
  mount ("sysfs", "/sys", "sysfs", 0, NULL);
  mount ("devtmpfs", "/dev", "devtmpfs", 0, NULL);
  console_fd = open ("/dev/console", O_RDWR | O_CLOEXEC);
  if (console_fd < 0)
    console_fd = 2;
  put_file ("/proc/sys/kernel/printk", "1 4 1 7");
  /* Pages must stay where they said they are. */
  put_file ("/proc/sys/vm/compact_unevictable_allowed", "0");
  put_file ("/proc/sys/kernel/numa_balancing", "0");
  pagemap_fd = open ("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
}

/* By the linker: the section that holds write_in_order alone. */
extern const char __start_loop_text[], __stop_loop_text[];

int
main (void)
{
  struct timespec tick = { .tv_nsec = 100 * 1000 * 1000 };
  unsigned n_threads;
  int kmsg;

  set_up ();
  read_parameters ();
  load_modules ();
  if (getrandom (&nonce, sizeof nonce, GRND_NONBLOCK) != sizeof nonce)
    nonce = oracle_mix (cycles ());
  measure_clock ();

  n_cpus = (unsigned) sysconf (_SC_NPROCESSORS_ONLN);
  if (n_cpus > ORACLE_MAX_CPUS)
    n_cpus = ORACLE_MAX_CPUS;
  info = allocate (ORACLE_PAGE_SIZE);
  lay_out ();
  info->magic = ORACLE_INFO_MAGIC;
  info->nonce = nonce;
  info->pfn = frame_of (info);
  info->cpus = n_cpus;
  info->blk_regions = (uint32_t) (param.blk + param.sata);
  info->blk_pages = info->blk_regions ? BLK_PAGES : 0;
  info->loop_start = (uint64_t) (uintptr_t) __start_loop_text;
  info->loop_end = (uint64_t) (uintptr_t) __stop_loop_text;
  info->loop_index = PRSTATUS_R14;
  info->loop_round = PRSTATUS_R15;
  put_file ("/sys/kernel/mm/transparent_hugepage/khugepaged/defrag", "0");

  n_threads = n_cpus + info->blk_regions + (param.net ? 1 : 0);
  pthread_barrier_init (&start_line, NULL, n_threads + 1);
  for (unsigned i = 0; i < info->blk_regions; i++)
    spawn (blk_thread, i);
  if (param.net)
    spawn (net_thread, 0);
  for (unsigned i = 0; i < n_cpus; i++)
    spawn (cpu_thread, i);
  kmsg = open ("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  lseek (kmsg, 0, SEEK_END);
  pthread_barrier_wait (&start_line);
  say ("ready nonce=%016llx cpus=%u info=0x%llx beat=0x%llx", (unsigned long long) nonce, n_cpus,
       (unsigned long long) info->pfn * ORACLE_PAGE_SIZE,
       (unsigned long long) info->pfn * ORACLE_PAGE_SIZE + offsetof (struct oracle_info, beat));

  for (uint32_t ticks = 1;; ticks++)
    {
      nanosleep (&tick, NULL);
      ((volatile struct oracle_info *) info)->ticks = ticks;
      report_warnings (kmsg);
      if (param.reboot && ticks == param.reboot * 10)
        {
          say ("rebooting");
          tcdrain (console_fd);
          reboot (RB_AUTOBOOT);
        }
      if (param.panic && ticks == param.panic * 10)
        put_file ("/proc/sysrq-trigger", "c");
    }
}
