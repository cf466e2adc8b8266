/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What differs between two dumps, and dumps written out as one file: on small ELF files of our own. */
#include <config.h>

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vthunder.h"

#define PAGE 4096
#define START 65536 /* of memory in the file */

typedef struct {
  uint64_t address, length;
} Layout;

static char *folder;

static char *
in_folder (const char *name)
{
  return g_build_filename (folder, name, NULL);
}

/* Segments one behind the other from START on; all of it a hole. */
static void
write_elf (const char *path, const Layout *layout, unsigned int n, bool wide)
{
  uint64_t at = START;
  int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  g_assert_cmpint (fd, >=, 0);
  for (unsigned int i = 0; i < n; i++)
    {
      Elf64_Phdr p64 = { .p_type = PT_LOAD, .p_offset = at, .p_paddr = layout[i].address, .p_filesz = layout[i].length,
                         .p_memsz = layout[i].length };
      Elf32_Phdr p32 = { .p_type = PT_LOAD, .p_offset = (Elf32_Off) at, .p_paddr = (Elf32_Addr) layout[i].address,
                         .p_filesz = (Elf32_Word) layout[i].length, .p_memsz = (Elf32_Word) layout[i].length };
      if (wide)
        g_assert_cmpint (pwrite (fd, &p64, sizeof p64, (off_t) (sizeof (Elf64_Ehdr) + i * sizeof p64)), ==, sizeof p64);
      else
        g_assert_cmpint (pwrite (fd, &p32, sizeof p32, (off_t) (sizeof (Elf32_Ehdr) + i * sizeof p32)), ==, sizeof p32);
      at += layout[i].length;
    }
  Elf64_Ehdr e64 = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT }, .e_type = ET_CORE,
                     .e_machine = EM_X86_64, .e_phoff = sizeof e64, .e_phentsize = sizeof (Elf64_Phdr), .e_phnum = (Elf64_Half) n };
  Elf32_Ehdr e32 = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT }, .e_type = ET_CORE,
                     .e_machine = EM_386, .e_phoff = sizeof e32, .e_phentsize = sizeof (Elf32_Phdr), .e_phnum = (Elf32_Half) n };
  if (wide)
    g_assert_cmpint (pwrite (fd, &e64, sizeof e64, 0), ==, sizeof e64);
  else
    g_assert_cmpint (pwrite (fd, &e32, sizeof e32, 0), ==, sizeof e32);
  g_assert_cmpint (ftruncate (fd, (off_t) at), ==, 0);
  close (fd);
}

static void
put (const char *path, uint64_t offset, const void *data, size_t length)
{
  int fd = open (path, O_WRONLY);
  g_assert_cmpint (pwrite (fd, data, length, (off_t) (START + offset)), ==, (gssize) length);
  close (fd);
}

/* "start+pages start+pages": what differs. */
static char *
diff_of (const char *a, const char *b, VthDiff **out)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VthDiff) diff = vth_dump_diff (a, b, NULL, NULL, NULL, &error);
  GString *text = g_string_new (NULL);
  uint64_t pages = 0;
  g_assert_no_error (error);
  for (size_t i = 0; i < diff->n_ranges; i++)
    {
      g_string_append_printf (text, "%s%" G_GINT64_MODIFIER "x+%u", i > 0 ? " " : "", diff->ranges[i].start,
                              (unsigned int) (diff->ranges[i].length_bytes / PAGE));
      pages += diff->ranges[i].length_bytes / PAGE;
    }
  g_assert_cmpuint (pages, ==, diff->pages_different);
  if (out != NULL)
    *out = g_steal_pointer (&diff);
  return g_string_free (text, FALSE);
}

#define assert_diff(a, b, expected) \
  G_STMT_START \
  { \
    g_autofree char *text_ = diff_of (a, b, NULL); \
    g_autofree char *back_ = diff_of (b, a, NULL); \
    g_assert_cmpstr (text_, ==, expected); \
    g_assert_cmpstr (back_, ==, expected); \
  } \
  G_STMT_END

static const Layout two_ranges[] = { { 0, 0xa0000 }, { 0x100000, 8 << 20 } };

static void
test_ranges (void)
{
  for (int wide = 0; wide <= 1; wide++)
    {
      g_autofree char *a = in_folder ("a"), *b = in_folder ("b");
      g_autofree char *page = g_malloc (PAGE);
      const char zero[PAGE] = { 0 };
      write_elf (a, two_ranges, 2, wide);
      write_elf (b, two_ranges, 2, wide);
      assert_diff (a, b, "");
      /* zeroes that are written are those of a hole */
      put (a, 5 * PAGE, zero, PAGE);
      assert_diff (a, b, "");
      memset (page, 1, PAGE);
      put (a, 0, page, 1);                    /* the first byte of the first range */
      put (b, 0x9ffff, page, 1);              /* its last */
      put (a, 0xa0000 + 3 * PAGE, page, PAGE); /* two pages in a row, the second by one byte */
      put (b, 0xa0000 + 5 * PAGE - 1, page, 1);
      put (a, 0xa0000 + (8 << 20) - 1, page, 1);
      assert_diff (a, b, "0+1 9f000+1 103000+2 8ff000+1");
      /* the same page with the same content is none */
      put (b, 0, page, 1);
      assert_diff (a, b, "9f000+1 103000+2 8ff000+1");
    }
}

static void
test_order (void)
{
  /* The same memory, the other way round in the file. */
  const Layout turned[] = { { 0x100000, 8 << 20 }, { 0, 0xa0000 } };
  g_autofree char *a = in_folder ("a"), *b = in_folder ("b");
  write_elf (a, two_ranges, 2, true);
  write_elf (b, turned, 2, true);
  assert_diff (a, b, "");
  put (a, 0xa0000 + PAGE, "x", 1);
  put (b, PAGE, "x", 1);
  assert_diff (a, b, "");
  put (b, (8 << 20) + 7 * PAGE, "x", 1);
  assert_diff (a, b, "7000+1");

  /* Both the other way round: the last extent of the file is passed long before the last address. */
  write_elf (a, turned, 2, true);
  write_elf (b, turned, 2, true);
  put (a, 4 << 20, "x", 1);
  assert_diff (a, b, "500000+1");
  put (a, (8 << 20) + 7 * PAGE, "x", 1);
  assert_diff (a, b, "7000+1 500000+1");
}

static void
test_split (void)
{
  /* The same memory, with a segment of its own for the kernel. */
  const Layout split[] = { { 0, 0xa0000 }, { 0x100000, 2 << 20 }, { 0x300000, 1 << 20 }, { 0x400000, 5 << 20 } };
  g_autofree char *a = in_folder ("a"), *b = in_folder ("b");
  write_elf (a, two_ranges, 2, true);
  write_elf (b, split, 4, true);
  assert_diff (a, b, "");
  put (b, 0xa0000 + (2 << 20) - PAGE, "x", 1); /* on both sides of where it is split */
  put (b, 0xa0000 + (2 << 20), "x", 1);
  assert_diff (a, b, "2ff000+2");
}

static void
refuse (const char *a, const char *b, int code, const char *what)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VthDiff) diff = vth_dump_diff (a, b, NULL, NULL, NULL, &error);
  g_assert_null (diff);
  g_assert_error (error, VTH_ERROR, code);
  if (strstr (error->message, what) == NULL)
    g_error ("'%s' does not say '%s'", error->message, what);
}

static void
test_refused (void)
{
  const Layout less[] = { { 0, 0xa0000 } }, other[] = { { 0, 0xa0000 }, { 0x100000, 4 << 20 } };
  g_autofree char *a = in_folder ("a"), *b = in_folder ("b"), *none = in_folder ("none");
  write_elf (a, two_ranges, 2, true);
  write_elf (b, less, 1, true);
  refuse (a, b, VTH_ERROR_UNSUPPORTED, "0x100000-0x900000");
  refuse (b, a, VTH_ERROR_UNSUPPORTED, "0x100000-0x900000");
  write_elf (b, other, 2, true);
  refuse (a, b, VTH_ERROR_UNSUPPORTED, "different layouts");
  write_elf (b, two_ranges, 2, true);
  g_assert_cmpint (truncate (b, START + 0xa0000), ==, 0);
  refuse (a, b, VTH_ERROR_FORMAT, "not whole");
  g_assert_true (g_file_set_contents (b, "this is no dump, it is a text", -1, NULL));
  refuse (a, b, VTH_ERROR_FORMAT, "neither ELF nor kdump");
  refuse (a, none, VTH_ERROR_NOT_FOUND, "none");

  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  g_cancellable_cancel (cancellable);
  g_assert_null (vth_dump_diff (a, a, NULL, NULL, cancellable, &error));
  g_assert_error (error, VTH_ERROR, VTH_ERROR_CANCELLED);
}

/* Of clones only what was written since is read; holes of both are not either. */
static void
test_not_read (void)
{
  g_autofree char *a = in_folder ("a"), *b = in_folder ("b");
  VthDiff *diff = NULL;
  write_elf (a, two_ranges, 2, true);
  write_elf (b, two_ranges, 2, true);
  put (a, 0xa0000 + (1 << 20), "x", 1);
  g_autofree char *holes = diff_of (a, b, &diff);
  g_assert_cmpstr (holes, ==, "200000+1");
  g_assert_cmpuint (diff->pages_total, ==, 0xa0 + (8 << 20) / PAGE);
  g_assert_cmpuint (diff->shared_bytes, >, 4 << 20);
  vth_diff_free (diff);

  g_autofree char *memory = g_malloc (8 << 20);
  for (unsigned int i = 0; i < 8 << 20; i++)
    memory[i] = (char) (i * 2654435761u >> 24);
  put (a, 0xa0000, memory, 8 << 20);
  int from = open (a, O_RDONLY), to = open (b, O_WRONLY | O_TRUNC);
  int cloned = ioctl (to, FICLONE, from);
  close (from);
  close (to);
  if (cloned < 0)
    {
      g_test_skip ("files in the temporary directory cannot share blocks");
      return;
    }
  put (b, 0xa0000 + 64 * PAGE, "something", 9);
  g_autofree char *clones = diff_of (a, b, &diff);
  g_assert_cmpstr (clones, ==, "140000+1");
  g_assert_cmpuint (diff->shared_bytes, >, 6 << 20);
  vth_diff_free (diff);
}

static void
test_export (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *a = in_folder ("a"), *to = in_folder ("exported"), *link_path = in_folder ("link");
  g_autofree char *before = NULL, *after = NULL;
  gsize n_before, n_after;
  struct stat st;
  write_elf (a, two_ranges, 2, true);
  put (a, 0xa0000 + 3 * PAGE, "memory", 6);
  g_assert_cmpint (chmod (a, 0644), ==, 0);
  g_assert_true (vth_dump_export (a, to, false, NULL, NULL, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (g_file_get_contents (a, &before, &n_before, NULL) && g_file_get_contents (to, &after, &n_after, NULL));
  g_assert_cmpmem (before, n_before, after, n_after);
  g_assert_cmpint (stat (to, &st), ==, 0);
  g_assert_cmpint (st.st_mode & 07777, ==, 0600);
  g_assert_cmpint (st.st_blocks * 512, <, 4 << 20);

  /* over a file only if asked to, over a link or the dump itself never */
  g_assert_false (vth_dump_export (a, to, false, NULL, NULL, NULL, &error));
  g_assert_error (error, VTH_ERROR, VTH_ERROR_USAGE);
  g_clear_error (&error);
  g_assert_true (vth_dump_export (a, to, true, NULL, NULL, NULL, &error));
  g_assert_cmpint (symlink (to, link_path), ==, 0);
  g_assert_false (vth_dump_export (a, link_path, true, NULL, NULL, NULL, &error));
  g_assert_error (error, VTH_ERROR, VTH_ERROR_USAGE);
  g_clear_error (&error);
  g_assert_false (vth_dump_export (a, a, true, NULL, NULL, NULL, &error));
  g_assert_error (error, VTH_ERROR, VTH_ERROR_USAGE);
  g_clear_error (&error);

  /* what is no dump becomes no file */
  g_autofree char *text = in_folder ("text"), *none = in_folder ("none");
  g_assert_true (g_file_set_contents (text, "not a dump but a text", -1, NULL));
  g_assert_false (vth_dump_export (text, none, false, NULL, NULL, NULL, &error));
  g_assert_error (error, VTH_ERROR, VTH_ERROR_FORMAT);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  while ((name = g_dir_read_name (dir)) != NULL)
    g_assert_true (name[0] != '.' && strcmp (name, "none") != 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("vth-diff-XXXXXX", NULL);
  g_test_add_func ("/diff/ranges", test_ranges);
  g_test_add_func ("/diff/order", test_order);
  g_test_add_func ("/diff/split", test_split);
  g_test_add_func ("/diff/refused", test_refused);
  g_test_add_func ("/diff/not-read", test_not_read);
  g_test_add_func ("/diff/export", test_export);
  int result = g_test_run ();
  static const char *const names[] = { "a", "b", "exported", "link", "text" };
  for (unsigned int i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = in_folder (names[i]);
      g_unlink (path);
    }
  g_rmdir (folder);
  g_free (folder);
  return result;
}
