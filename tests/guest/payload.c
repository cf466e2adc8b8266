/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 32-bit test guest, for accelerators that run no stock kernel and for ELF32
 * images: one vCPU, no interrupts, no paging.  Memory above 4 MiB gets the pages of
 * oracle.h: fill, and one order spread over it.  Its command line knows fill=MIB,
 * pages=N, kick=0 (never leave the loop for port I/O, which under TCG waits for
 * QEMU's big lock) and stride=N: every Nth page is one of the order, over however much
 * memory, and what no fill is left for is never touched.  With interrupts off nothing
 * but a dump makes it wait.
 */
#include <stddef.h>
#include <stdint.h>

#include "oracle.h"

_Static_assert (sizeof (struct oracle_page) == ORACLE_PAGE_SIZE, "one page");
_Static_assert (sizeof (struct oracle_info) == ORACLE_PAGE_SIZE, "one page");
_Static_assert (offsetof (struct oracle_page, counter) == 40, "payload.S knows it");
_Static_assert (offsetof (struct oracle_page, tail) == 4092, "payload.S knows it");

struct multiboot
{
  uint32_t flags, mem_lower, mem_upper, boot_device, cmdline;
};

/* NT_PRSTATUS of i386: ebx ecx edx esi edi … */
enum { PRSTATUS_ESI = 3, PRSTATUS_EDI = 4 };
enum { SERIAL = 0x3f8, FIRST = 4 << 20 };

extern const char loop_start[], loop_end[];
void write_in_order (void *base, uint32_t stride, uint32_t npages, volatile uint32_t *beat);
uint32_t kick;
void payload_main (const struct multiboot *boot);

static void
put (char c)
{
  uint8_t status;

  do
    __asm__ volatile ("inb %w1, %0" : "=a"(status) : "Nd"((uint16_t) (SERIAL + 5)));
  while (!(status & 0x20));
  __asm__ volatile ("outb %0, %w1" : : "a"((uint8_t) c), "Nd"((uint16_t) SERIAL));
}

static void
say (const char *text)
{
  while (*text)
    put (*text++);
}

static void
say_hex (uint32_t value)
{
  for (int shift = 28; shift >= 0; shift -= 4)
    put ("0123456789abcdef"[(value >> shift) & 15]);
}

static uint32_t
parameter (const char *line, const char *name, uint32_t otherwise)
{
  for (; *line; line++)
    {
      const char *p = line, *n = name;

      while (*n && *p == *n)
        p++, n++;
      if (*n || *p != '=')
        continue;
      for (otherwise = 0, p++; *p >= '0' && *p <= '9'; p++)
        otherwise = otherwise * 10 + (uint32_t) (*p - '0');
      return otherwise;
    }
  return otherwise;
}

void
payload_main (const struct multiboot *boot)
{
  const char *line = boot->flags & 4 ? (const char *) boot->cmdline : "";
  uint32_t pages = parameter (line, "pages", 4096), fill = parameter (line, "fill", 64) << 8;
  uint32_t stride = parameter (line, "stride", 0), total = stride ? pages * stride : fill + pages;
  uint32_t room = (boot->mem_upper << 10) - FIRST, next = 0, filled = 0;
  static uint64_t base[ORACLE_WORDS];
  struct oracle_info *info = (struct oracle_info *) FIRST;
  char *block = (char *) FIRST + ORACLE_PAGE_SIZE;
  uint64_t nonce = oracle_mix (__builtin_ia32_rdtsc ());

  kick = parameter (line, "kick", 1);
  if (total > room / ORACLE_PAGE_SIZE - 1)
    total = room / ORACLE_PAGE_SIZE - 1;
  if (pages > total / (stride ? stride : 1))
    pages = total / (stride ? stride : 1);
  stride = (stride ? stride : total / pages) * ORACLE_PAGE_SIZE;
  for (uint32_t i = 0; i < ORACLE_WORDS; i++)
    base[i] = oracle_mix (i + 1);
  for (uint32_t i = 0; i < total; i++)
    {
      uint64_t *words = (uint64_t *) (block + i * ORACLE_PAGE_SIZE);
      uint64_t pfn = (uintptr_t) words / ORACLE_PAGE_SIZE, key = oracle_mix (nonce ^ pfn);

      if (next < pages && i * ORACLE_PAGE_SIZE == next * stride)
        {
          struct oracle_page *page = (struct oracle_page *) words;

          /* Zero already: where KVM emulates each instruction, every loop counts. */
          page->magic = ORACLE_MAGIC;
          page->nonce = nonce;
          page->pfn = pfn;
          page->kind = ORACLE_CPU;
          page->index = next++;
          page->npages = pages;
          continue;
        }
      if (filled == fill)
        continue;
      filled++;
      for (uint32_t w = 3; w < ORACLE_WORDS; w++)
        words[w] = base[w] ^ key;
      words[0] = ORACLE_FILL_MAGIC;
      words[1] = nonce;
      words[2] = pfn;
    }

  for (uint32_t w = 0; w < ORACLE_WORDS; w++)
    ((uint64_t *) info)[w] = 0;
  info->magic = ORACLE_INFO_MAGIC;
  info->nonce = nonce;
  info->pfn = FIRST / ORACLE_PAGE_SIZE;
  info->cpus = 1;
  info->cpu_pages = pages;
  info->fill_pages = filled;
  info->loop_start = (uintptr_t) loop_start;
  info->loop_end = (uintptr_t) loop_end;
  info->loop_index = PRSTATUS_EDI;
  info->loop_round = PRSTATUS_ESI;

  say ("vth: ready nonce=");
  say_hex ((uint32_t) (nonce >> 32));
  say_hex ((uint32_t) nonce);
  say (" cpus=1 info=0x");
  say_hex (FIRST);
  say (" beat=0x");
  say_hex (FIRST + offsetof (struct oracle_info, beat));
  say ("\r\n");
  write_in_order (block, stride, pages, &info->beat[0].beat);
}
