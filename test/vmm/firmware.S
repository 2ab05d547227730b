# Firmware in M mode: tells what it was entered with, and ends through HTIF.

	.section .text.start, "ax"
	.globl	_start
_start:
	la	t0, entry
	sd	a0, 0(t0)
	sd	a1, 8(t0)
	sd	a2, 16(t0)
	csrr	t1, mhartid
	bnez	t1, idle

	# One character over HTIF: device 1, command 1.
	la	t0, tohost
	li	t1, (1 << 56) | (1 << 48) | 'M'
	sd	t1, 0(t0)
1:	ld	t1, 0(t0)
	bnez	t1, 1b

	# A timer of the ACLINT, and sleep.
	li	t2, 0x2000000
	li	t3, 0xbff8
	add	t3, t3, t2
	ld	t1, 0(t3)
	li	t4, 50000
	add	t1, t1, t4
	li	t4, 0x4000
	add	t4, t4, t2
	sd	t1, 0(t4)
	li	t5, 0x80
	csrw	mie, t5
	wfi
	csrr	t5, mip
	andi	t5, t5, 0x80
	beqz	t5, fail
	ld	t6, 0(t3)
	bltu	t6, t1, fail

	# A software interrupt to oneself.
	li	t5, 1
	sw	t5, 0(t2)
	csrr	t5, mip
	andi	t5, t5, 8
	beqz	t5, fail

	li	t1, RESULT * 2 + 1
	sd	t1, 0(t0)
	j	idle
fail:
	li	t1, 99 * 2 + 1
	sd	t1, 0(t0)
idle:
	wfi
	j	idle

	.data
	.balign	16
	.globl	entry
entry:	.dword	0, 0, 0
	.section .tohost, "aw"
	.balign	64
	.globl	tohost
tohost:	.dword	0
