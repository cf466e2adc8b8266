# SPDX-License-Identifier: GPL-2.0-or-later
# Macros of vthunder's configure: where QEMU and libvirt are, and flag tests.

# VTH_LOCATE_QEMU
# Sets qemu_bindir (empty: whatever is on PATH) and qemu_origin.
AC_DEFUN([VTH_LOCATE_QEMU], [
AC_MSG_CHECKING([for QEMU])
qemu_bindir=
qemu_origin="the system's"
AS_IF([test -z "$with_qemu" && test -x "$stack_dir/bin/qemu-system-x86_64"],
      [qemu_bindir=$stack_dir/bin qemu_origin=$stack_dir],
      [test -n "$with_qemu" && test "x$with_qemu" != xno && test "x$with_qemu" != xyes],
      [for d in bin . build; do
         AS_IF([test -z "$qemu_bindir" && test -x "$with_qemu/$d/qemu-system-x86_64"],
               [qemu_bindir=$(cd "$with_qemu/$d" && pwd)])
       done
       AS_IF([test -z "$qemu_bindir"],
             [AC_MSG_ERROR([--with-qemu=$with_qemu: no qemu-system-x86_64 in it, in its bin or in its build directory])])
       qemu_origin=$with_qemu])
AC_MSG_RESULT([$qemu_origin])
AC_SUBST([qemu_bindir])
])

# VTH_LOCATE_LIBVIRT
# Extends PKG_CONFIG_PATH; sets libvirt_bindirs, libvirt_libdir (both empty:
# the system's), libvirt_rpath and libvirt_origin.
AC_DEFUN([VTH_LOCATE_LIBVIRT], [
AC_MSG_CHECKING([for libvirt's prefix or tree])
libvirt_bindirs= libvirt_libdir= libvirt_rpath= libvirt_tree=
libvirt_origin="the system's"
vth_dir=
AS_IF([test -z "$with_libvirt" && test -x "$stack_dir/bin/virsh"],
      [vth_dir=$stack_dir],
      [test -n "$with_libvirt" && test "x$with_libvirt" != xno && test "x$with_libvirt" != xyes],
      [vth_dir=$with_libvirt])
AS_IF([test -n "$vth_dir"], [
  AS_IF([test -d "$vth_dir"], [vth_dir=$(cd "$vth_dir" && pwd)])
  for d in "$vth_dir/build" "$vth_dir"; do
    # In a build tree src/libvirt.pc is the one that points into the tree.
    AS_IF([test -z "$libvirt_libdir" && test -f "$d/src/libvirt.pc"],
          [libvirt_libdir=$d/src libvirt_tree=$d
           libvirt_bindirs=$d/tools:$d/src
           PKG_CONFIG_PATH=$d/src${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}])
  done
  for d in "$vth_dir"/lib "$vth_dir"/lib64 "$vth_dir"/lib/*-linux-gnu*; do
    AS_IF([test -z "$libvirt_libdir" && test -f "$d/pkgconfig/libvirt.pc"],
          [libvirt_libdir=$d
           libvirt_bindirs=$vth_dir/bin:$vth_dir/sbin
           PKG_CONFIG_PATH=$d/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}])
  done
  AS_IF([test -z "$libvirt_libdir"],
        [AC_MSG_ERROR([--with-libvirt=$vth_dir: found neither lib/pkgconfig/libvirt.pc (a prefix) nor build/src/libvirt.pc (a source tree)])])
  export PKG_CONFIG_PATH
  AS_CASE([$libvirt_libdir], [/usr/lib | /usr/lib/*], [], [libvirt_rpath=$libvirt_libdir])
  libvirt_origin=$vth_dir])
AC_MSG_RESULT([$libvirt_origin])
AC_SUBST([libvirt_bindirs])
AC_SUBST([libvirt_libdir])
AC_SUBST([libvirt_tree])
])

# VTH_CHECK_MODULE(PREFIX, MODULES, DEBIAN-PACKAGE)
AC_DEFUN([VTH_CHECK_MODULE], [
PKG_CHECK_MODULES([$1], [$2], [],
  [AC_MSG_ERROR([not found or too old: $2 (Debian: $3)
$[]$1_PKG_ERRORS])])
])

# VTH_CC_FLAGS(VARIABLE, FLAGS): those of FLAGS the compiler takes.
AC_DEFUN([VTH_CC_FLAGS], [
$1=
vth_save_CFLAGS=$CFLAGS
for vth_flag in m4_normalize([$2]); do
  CFLAGS="$vth_save_CFLAGS -Werror $vth_flag"
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM()], [$1="$[]$1 $vth_flag"])
done
CFLAGS=$vth_save_CFLAGS
AC_SUBST([$1])
])
