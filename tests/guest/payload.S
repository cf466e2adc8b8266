/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entry of the 32-bit test guest: a multiboot kernel, loaded at 1 MiB in protected
 * mode with flat segments, paging and interrupts off.  payload.c does the rest. */
	.section .multiboot, "a"
	.balign 4
	.long 0x1badb002                /* multiboot magic */
	.long 2                         /* wants to be told the size of memory */
	.long -(0x1badb002 + 2)

	.text
	.globl _start
_start:
	cli
	cld
	movl $stack_top, %esp
	pushl %ebx                      /* multiboot information */
	call payload_main
1:	hlt
	jmp 1b

/* write_in_order (base, stride, npages, counter of progress):
 * the loop whose registers the checker compares with memory.
 *   esi  round     edi  index    ebx  page    edx  base
 */
	.globl loop_start, loop_end, write_in_order
write_in_order:
	movl 4(%esp), %edx              /* base */
	movl 8(%esp), %ecx              /* stride, bytes */
	movl 12(%esp), %ebp             /* pages */
	movl 16(%esp), %eax             /* progress counter */
	movl $1, %esi
round:
	xorl %edi, %edi
	movl %edx, %ebx
loop_start:
	movl %esi, 40(%ebx)             /* struct oracle_page: counter */
	movl %esi, 4092(%ebx)           /* tail */
	incl (%eax)
	addl %ecx, %ebx
	incl %edi
	cmpl %ebp, %edi
	jb loop_start
loop_end:
	cmpl $0, kick
	je 1f
	pushl %eax
	inb $0x61, %al                  /* an exit to the host's user space, once a round */
	popl %eax
1:	incl %esi
	jmp round

	.bss
	.balign 16
	.skip 16384
stack_top:
	.section .note.GNU-stack, "", @progbits
