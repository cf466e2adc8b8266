/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stands in for the kernel's vhost in a QEMU that has it preloaded: answers the
 * ioctls of vhost-net, vhost-vsock and vhost-scsi, whatever file they are made on,
 * moves nothing, and while the device runs writes a counter to guest memory, as a
 * real one writes what it has received.
 *
 *   VHOST_STUB_FEATURES  what it offers (hexadecimal)
 *   VHOST_STUB_LOGS      set: it logs its writes when asked to, as vhost-net does and
 *                        vhost-vsock does not, which offers VHOST_F_LOG_ALL too
 *   VHOST_STUB_AT        file with the guest-physical address of a page to write to;
 *                        it writes as long as there is one
 *   VHOST_STUB_SAYS      file for a line about each start, stop and change of the log
 *
 * One device at a time.
 */
#define _GNU_SOURCE
#include <linux/vhost.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAX_REGIONS = 64, PAGE_BITS = 12 };

static struct
{
  pthread_mutex_t lock;
  bool running;
  uint64_t features; /* that the driver, and QEMU, have accepted */
  uint64_t log_base;
  struct vhost_memory_region regions[MAX_REGIONS];
  unsigned n_regions;
  uint64_t count;
} stub = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool
logs (void)
{
  return (stub.features & (1ULL << VHOST_F_LOG_ALL)) != 0;
}

static void
say (const char *what)
{
  const char *path = getenv ("VHOST_STUB_SAYS");
  FILE *file = path != NULL ? fopen (path, "a") : NULL;

  if (file == NULL)
    return;
  fprintf (file, "%s log=%d\n", what, logs ());
  fclose (file);
}

/* The number in a file, 0 if there is none. */
static uint64_t
address (const char *path)
{
  FILE *file = path != NULL ? fopen (path, "r") : NULL;
  unsigned long long number = 0;

  if (file == NULL)
    return 0;
  if (fscanf (file, "%llx", &number) != 1)
    number = 0;
  fclose (file);
  return number;
}

static void
write_page (uint64_t at)
{
  for (unsigned i = 0; i < stub.n_regions; i++)
    {
      const struct vhost_memory_region *region = &stub.regions[i];

      if (at < region->guest_phys_addr || at - region->guest_phys_addr >= region->memory_size)
        continue;
      *(volatile uint64_t *) (uintptr_t) (region->userspace_addr + (at - region->guest_phys_addr)) = ++stub.count;
      if (logs () && stub.log_base != 0 && getenv ("VHOST_STUB_LOGS") != NULL)
        {
          uint64_t page = at >> PAGE_BITS;

          __atomic_fetch_or ((uint8_t *) (uintptr_t) stub.log_base + page / 8, (uint8_t) (1 << page % 8), __ATOMIC_SEQ_CST);
        }
    }
}

static void *
work (void *unused)
{
  const char *path = getenv ("VHOST_STUB_AT");

  (void) unused;
  for (;;)
    {
      uint64_t at = address (path);

      /* Who stops the device waits here, so nothing is written once it is stopped. */
      pthread_mutex_lock (&stub.lock);
      if (at != 0 && stub.running)
        write_page (at);
      pthread_mutex_unlock (&stub.lock);
      usleep (1000);
    }
  return NULL;
}

static void
run (bool on)
{
  static bool started;
  pthread_t thread;

  if (on == stub.running)
    return;
  stub.running = on;
  say (on ? "start" : "stop");
  if (started)
    return;
  started = true;
  if (pthread_create (&thread, NULL, work, NULL) != 0)
    abort ();
}

static int
answer (unsigned long request, void *argument)
{
  const char *offered = getenv ("VHOST_STUB_FEATURES");

  switch (request)
    {
    case VHOST_GET_FEATURES:
      *(uint64_t *) argument = offered != NULL ? strtoull (offered, NULL, 16) : 0;
      break;
    case VHOST_SET_FEATURES:
      if (stub.features != *(uint64_t *) argument)
        {
          stub.features = *(uint64_t *) argument;
          say ("features");
        }
      break;
    case VHOST_GET_BACKEND_FEATURES:
      *(uint64_t *) argument = 0;
      break;
    case VHOST_SET_LOG_BASE:
      stub.log_base = *(uint64_t *) argument;
      break;
    case VHOST_SET_MEM_TABLE:
      {
        const struct vhost_memory *memory = argument;

        stub.n_regions = memory->nregions < MAX_REGIONS ? memory->nregions : MAX_REGIONS;
        memcpy (stub.regions, memory->regions, stub.n_regions * sizeof stub.regions[0]);
        break;
      }
    case VHOST_GET_VRING_BASE:
      ((struct vhost_vring_state *) argument)->num = 0;
      break;
    case VHOST_NET_SET_BACKEND:
      run (((struct vhost_vring_file *) argument)->fd >= 0);
      break;
    case VHOST_VSOCK_SET_RUNNING:
      run (*(int *) argument != 0);
      break;
    case VHOST_SCSI_GET_ABI_VERSION:
      *(int *) argument = VHOST_SCSI_ABI_VERSION;
      break;
    default:
      break;
    }
  return 0;
}

int
ioctl (int fd, unsigned long request, ...)
{
  va_list arguments;
  void *argument;
  int result;

  va_start (arguments, request);
  argument = va_arg (arguments, void *);
  va_end (arguments);
  if (_IOC_TYPE (request) != VHOST_VIRTIO)
    return (int) syscall (SYS_ioctl, fd, request, argument);
  pthread_mutex_lock (&stub.lock);
  result = answer (request, argument);
  pthread_mutex_unlock (&stub.lock);
  return result;
}
