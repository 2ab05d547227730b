# A program whose code lies on more pages than a small cache of decoded code holds: each of PAGES pages adds its number to a sum
# LOOPS times, ROUNDS times over, and the end comes through HTIF.

	.section .text.start, "ax"
	.globl	_start
_start:
	li	a0, 0
	li	s0, ROUNDS
round:
	la	t0, pages
	jalr	t0
	addi	s0, s0, -1
	bnez	s0, round

	la	t0, sum
	sd	a0, 0(t0)
	la	t0, tohost
	li	t1, 1
	sd	t1, 0(t0)
idle:
	wfi
	j	idle

	.balign	4096
pages:
	.set	n, 1
	.rept	PAGES
	.balign	4096
	li	t1, n
	li	t2, LOOPS
1:	add	a0, a0, t1
	addi	t2, t2, -1
	bnez	t2, 1b
	la	t0, 2f
	jr	t0
	.balign	4096
2:
	.set	n, n + 1
	.endr
	ret

	.data
	.balign	16
	.globl	sum
sum:	.dword	0
	.section .tohost, "aw"
	.balign	64
	.globl	tohost
tohost:	.dword	0
