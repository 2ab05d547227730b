# A kernel (RISC-V Image) that works through a list of SBI calls and own routines, then switches itself off.
#
# The list stands behind the program, at `calls`: u64 count, then records of eight u64: a7, a6, a0 ... a5.
# a7 = all ones calls the routine whose address is a6. The answers a0, a1 replace the first two words of a record.

	.option	norvc
	.section .text.start, "ax"
	.globl	_start
_start:
	j	run
	.word	0
	.dword	0x200000		# text_offset
	.dword	calls - _start + 0x10000	# image_size
	.dword	0
	.word	2
	.word	0
	.dword	0
	.ascii	"RISCV\0\0\0"
	.ascii	"RSC\x05"
	.word	0

run:
	la	t0, entry
	sd	a0, 0(t0)
	sd	a1, 8(t0)
	la	t0, trap
	csrw	stvec, t0
	la	s0, calls
	ld	s1, 0(s0)
	addi	s0, s0, 8
next:
	beqz	s1, done
	ld	a7, 0(s0)
	ld	a6, 8(s0)
	ld	a0, 16(s0)
	ld	a1, 24(s0)
	ld	a2, 32(s0)
	ld	a3, 40(s0)
	ld	a4, 48(s0)
	ld	a5, 56(s0)
	li	t0, -1
	beq	a7, t0, own
	ecall
	j	answer
own:
	jalr	a6
answer:
	sd	a0, 0(s0)
	sd	a1, 8(s0)
	addi	s0, s0, 64
	addi	s1, s1, -1
	j	next
done:
	li	a7, 0x53525354		# SRST: shutdown, no reason
	li	a6, 0
	li	a0, 0
	li	a1, 0
	ecall
hang:
	j	hang

	# A trap nobody expects: system failure.
	.balign	4
trap:
	li	a7, 0x53525354
	li	a6, 0
	li	a0, 0
	li	a1, 1
	ecall
	j	hang

	# Where other harts start: they tell what they were given, and stop.
	.globl	secondary
secondary:
	la	t0, seen
	sd	a0, 0(t0)
	sd	a1, 8(t0)
	csrr	t1, satp
	sd	t1, 16(t0)
	li	t1, 1
	sd	t1, 24(t0)
	li	a7, 0x48534d		# HSM: stop
	li	a6, 1
	ecall
	j	hang

	# Where hart 1 starts to wait for an IPI: it tells when it has come, and stops.
	.globl	sleeper
sleeper:
	li	t0, 2
	csrw	sie, t0
	wfi
	csrr	t1, sip
	la	t0, seen
	sd	t1, 0(t0)
	li	t1, 1
	sd	t1, 24(t0)
	li	a7, 0x48534d
	li	a6, 1
	ecall
	j	hang

	# a0, a1: what the last secondary hart was given; waits for it.
	.globl	await
await:
	la	t0, seen
1:	ld	t1, 24(t0)
	beqz	t1, 1b
	sd	zero, 24(t0)
	ld	a0, 0(t0)
	ld	a1, 8(t0)
	ret

	# a0 ns in ticks: spins for so long.
	.globl	spin
spin:
	rdtime	t0
	add	t0, t0, a0
1:	rdtime	t1
	bltu	t1, t0, 1b
	ret

	.globl	read_sip
read_sip:
	csrr	a0, sip
	ret

	.globl	clear_sip
clear_sip:
	csrc	sip, a0
	csrr	a0, sip
	ret

	# Enables the interrupts a0, sets the timer to a1 ticks from now, waits; a0: sip, a1: ticks that passed beyond.
	.globl	sleep
sleep:
	csrw	sie, a0
	rdtime	t2
	add	t2, t2, a1
	mv	a0, t2
	li	a7, 0x54494d45
	li	a6, 0
	ecall
	wfi
	rdtime	a1
	sub	a1, a1, t2
	csrr	a0, sip
	csrw	sie, zero
	ret

	# What the kernel was entered with.
	.globl	entered
entered:
	la	t0, entry
	ld	a0, 0(t0)
	ld	a1, 8(t0)
	ret

	# Two counters: a0 cycle, a1 instret.
	.globl	counters
counters:
	rdcycle	a0
	rdinstret a1
	ret

	.globl	store_byte
store_byte:
	sb	a1, 0(a0)
	ret

	.data
	.balign	16
entry:	.dword	0, 0
	.globl	seen
seen:	.dword	0, 0, 0, 0
	.balign	16
	.globl	calls
calls:
