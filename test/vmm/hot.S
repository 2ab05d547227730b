# A program with a loop that gets hot: sums a hash over its own bytes many times, keeps the sum, and ends through HTIF.

	.section .text.start, "ax"
	.globl	_start
_start:
	li	a0, 0
	li	s0, ROUNDS
	li	t3, 1000003
round:
	la	t0, _start
	la	t1, end
1:	lbu	t2, 0(t0)
	mul	a0, a0, t3
	xor	a0, a0, t2
	addi	t0, t0, 1
	bltu	t0, t1, 1b
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
	.globl	end
end:

	.data
	.balign	16
	.globl	sum
sum:	.dword	0
	.section .tohost, "aw"
	.balign	64
	.globl	tohost
tohost:	.dword	0
