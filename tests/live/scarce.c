/*
 * Lets QEMU run out of something in the middle of a dump: preloaded into it, fails a
 * chosen one of the calls that take memory, a thread, a descriptor or the service of
 * userfaultfd.
 *
 * Counted are threads whoever makes them, and else what has a function of the dump on
 * its stack.  Of memory: all that the caller can do without (GLib's g_try_* and what
 * is not allocated by GLib), and of the rest what is large: that, failing, ends QEMU,
 * and the dump must not ask for it.  Left out is what QEMU can't do without at any time,
 * dump or not: coroutines' stacks, one for each request of any disk, and its map of
 * memory, which it makes anew whenever the guest maps a device.
 *
 *   SCARCE_CONTROL  a file of struct control
 *   SCARCE_CODE     addresses in the program, hex: "FROM TO", "!FROM TO" (left out) or "?FROM TO" (only what is large)
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What QEMU may ask for in one piece and can't do without: a node of its block layer is 17 KiB */
#define LARGE (32 * 1024)
#define FRAMES 48
#define RANGES 1024

enum mode { OFF, ONCE, FROM_ON };

/* Protection is changed much more often than anything else is asked for */
enum kind { ANY_OTHER, PROTECTION };
#define PROTECTION_NR 6   /* UFFDIO_WRITEPROTECT */

struct control
{
  uint32_t mode;
  uint32_t target;   /* which one fails, from 1 */
  uint32_t seen;     /* calls so far */
  uint32_t failed;   /* of those */
  uint32_t address;  /* of the dump's code that made the first that failed; 0: a thread */
  uint32_t size;
  uint32_t kind;     /* of those that count */
  uint32_t reserved;
  char what[32];
};

static struct control *control;
static struct { uintptr_t from, to; char mark; } ranges[RANGES];
static int nranges;
static uintptr_t base;
/* glibc's own: finding them by name would allocate */
extern void *__libc_malloc (size_t size);
extern void *__libc_calloc (size_t n, size_t size);
extern void *__libc_realloc (void *p, size_t size);
extern void *__libc_memalign (size_t alignment, size_t size);
static __thread bool busy __attribute__ ((tls_model ("initial-exec")));

static int
of_program (struct dl_phdr_info *info, size_t size, void *data)
{
  (void) size;
  *(uintptr_t *) data = info->dlpi_addr;
  return 1;
}

static void __attribute__ ((constructor))
start (void)
{
  const char *file = getenv ("SCARCE_CONTROL"), *code = getenv ("SCARCE_CODE");
  void *frames[2];
  char line[80];
  FILE *in;
  int fd;

  if (!file || !code || !(in = fopen (code, "r")))
    return;
  dl_iterate_phdr (of_program, &base);
  while (nranges < RANGES && fgets (line, sizeof line, in))
    {
      char *at = line + (line[0] == '!' || line[0] == '?');

      ranges[nranges].mark = line[0];
      ranges[nranges].from = strtoul (at, &at, 16);
      ranges[nranges++].to = strtoul (at, NULL, 16);
    }
  fclose (in);
  /* the first one loads a library */
  backtrace (frames, 2);
  fd = open (file, O_RDWR | O_CLOEXEC);
  if (fd < 0)
    abort ();
  control = mmap (NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (control == MAP_FAILED)
    abort ();
  close (fd);
}

/* Where the dump's code is on the stack, or 0 */
static uintptr_t
caller_in_dump (size_t size)
{
  void *frames[FRAMES];
  int i, j, n = backtrace (frames, FRAMES);
  uintptr_t found = 0;

  for (i = 0; i < n; i++)
    for (j = 0; j < nranges; j++)
      {
        uintptr_t at = (uintptr_t) frames[i] - base;

        if (at < ranges[j].from || at >= ranges[j].to)
          continue;
        if (ranges[j].mark == '!' || (ranges[j].mark == '?' && size < LARGE))
          return 0;
        if (!found)
          found = at;
      }
  return found;
}

static bool
armed (void)
{
  return control && __atomic_load_n (&control->mode, __ATOMIC_RELAXED) != OFF && !busy;
}

static bool
fails (enum kind kind, const char *what, size_t size, uintptr_t address)
{
  uint32_t n;

  if (kind != control->kind)
    return false;
  n = __atomic_add_fetch (&control->seen, 1, __ATOMIC_SEQ_CST);
  if (n != control->target && !(control->mode == FROM_ON && n > control->target))
    return false;
  if (__atomic_add_fetch (&control->failed, 1, __ATOMIC_SEQ_CST) == 1)
    {
      control->address = (uint32_t) address;
      control->size = (uint32_t) size;
      strncpy (control->what, what, sizeof control->what - 1);
    }
  return true;
}

static bool
kind_fails_in_dump (enum kind kind, const char *what, size_t size)
{
  uintptr_t address;
  bool result = false;

  if (!armed () || kind != control->kind)
    return false;
  busy = true;
  address = caller_in_dump (size);
  if (address)
    result = fails (kind, what, size, address);
  busy = false;
  return result;
}

static bool
fails_in_dump (const char *what, size_t size)
{
  return kind_fails_in_dump (ANY_OTHER, what, size);
}

/*
 * Whether it is GLib that allocates at RETURN_ADDRESS, and would end the program; or the C library, for a line of text that
 * GLib can't do without.
 */
static bool
must_succeed (void *return_address)
{
  Dl_info info;

  return dladdr (return_address, &info) && info.dli_fname &&
         (strstr (info.dli_fname, "libc.so") ||
          (strstr (info.dli_fname, "libglib-") && !(info.dli_sname && strncmp (info.dli_sname, "g_try_", 6) == 0)));
}

static bool
memory_fails (const char *what, size_t size, void *return_address)
{
  bool looked_at;

  if (!armed () || size < 256)
    return false;
  busy = true;
  looked_at = size >= LARGE || !must_succeed (return_address);
  busy = false;
  return looked_at && fails_in_dump (what, size);
}

void *
malloc (size_t size)
{
  if (memory_fails ("malloc", size, __builtin_return_address (0)))
    {
      errno = ENOMEM;
      return NULL;
    }
  return __libc_malloc (size);
}

void *
calloc (size_t n, size_t size)
{
  if (memory_fails ("calloc", n * size, __builtin_return_address (0)))
    {
      errno = ENOMEM;
      return NULL;
    }
  return __libc_calloc (n, size);
}

void *
realloc (void *p, size_t size)
{
  if (memory_fails ("realloc", size, __builtin_return_address (0)))
    {
      errno = ENOMEM;
      return NULL;
    }
  return __libc_realloc (p, size);
}

int
posix_memalign (void **p, size_t alignment, size_t size)
{
  if (memory_fails ("posix_memalign", size, __builtin_return_address (0)) || !(*p = __libc_memalign (alignment, size)))
    return ENOMEM;
  return 0;
}

void *
aligned_alloc (size_t alignment, size_t size)
{
  if (memory_fails ("aligned_alloc", size, __builtin_return_address (0)))
    {
      errno = ENOMEM;
      return NULL;
    }
  return __libc_memalign (alignment, size);
}

void *
mmap (void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
  if (fails_in_dump ("mmap", size))
    {
      errno = ENOMEM;
      return MAP_FAILED;
    }
  return (void *) syscall (SYS_mmap, address, size, protection, flags, fd, offset);
}

void *
mmap64 (void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
  return mmap (address, size, protection, flags, fd, offset);
}

int
eventfd (unsigned value, int flags)
{
  if (fails_in_dump ("eventfd", 0))
    {
      errno = EMFILE;
      return -1;
    }
  return (int) syscall (SYS_eventfd2, value, flags);
}

int
epoll_create1 (int flags)
{
  if (fails_in_dump ("epoll_create1", 0))
    {
      errno = EMFILE;
      return -1;
    }
  return (int) syscall (SYS_epoll_create1, flags);
}

/* Of userfaultfd; its descriptors are made by one, too */
int
ioctl (int fd, unsigned long request, ...)
{
  va_list arguments;
  void *argument;

  va_start (arguments, request);
  argument = va_arg (arguments, void *);
  va_end (arguments);
  if (_IOC_TYPE (request) == 0xaa &&
      kind_fails_in_dump (_IOC_NR (request) == PROTECTION_NR ? PROTECTION : ANY_OTHER, "userfaultfd", _IOC_NR (request)))
    {
      errno = ENOMEM;
      return -1;
    }
  return (int) syscall (SYS_ioctl, fd, request, argument);
}

int
pthread_create (pthread_t *thread, const pthread_attr_t *attributes, void *(*run) (void *), void *argument)
{
  static int (*real) (pthread_t *, const pthread_attr_t *, void *(*) (void *), void *);

  if (!real)
    *(void **) &real = dlsym (RTLD_NEXT, "pthread_create");
  if (armed () && fails (ANY_OTHER, "pthread_create", 0, 0))
    return EAGAIN;
  return real (thread, attributes, run, argument);
}
