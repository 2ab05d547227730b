# A program whose function lies on a page that is like the others', and calls one on a page that is not: it adds what the loader
# has written into the instruction. Sums that are wrong end it with 3.

	.section .text.start, "ax"
	.globl	_start
_start:
	la	s0, addend
	lw	s1, 0(s0)
round:
	li	a0, 0
	li	s2, 1000
	li	s3, 0
1:	jal	outer
	add	s3, s3, s1
	addi	s2, s2, -1
	bnez	s2, 1b
	beq	a0, s3, round
	li	t1, 3
	la	t0, tohost
	sd	t1, 0(t0)
idle:
	wfi
	j	idle

	.balign	4096
outer:
	mv	s4, ra
	jal	inner
	jr	s4
	.balign	4096
inner:
	.globl	change
	.balign	4
change:
	.word	0x00050513
	ret
	.balign	4096

	.data
	.balign	4096
	.globl	addend
addend:	.word	0
	.balign	4096
	.section .tohost, "aw"
	.balign	64
	.globl	tohost
tohost:	.dword	0
