# A program that rewrites one of its own instructions again and again: with an addend that the loader has given it, and with 1,
# as all others have it. In between it calls the function often, and compares what comes out. A byte on the UART ends it.

	.equ	UART, 0x10000000
	.equ	UART_LSR, 5
	.equ	BATCH, 200
	.equ	BATCHES, 100

	.section .text.start, "ax"
	.globl	_start
_start:
	la	s0, addend
	lw	s1, 0(s0)
	la	s2, change
round:
	mv	s3, s1
	jal	rewrite
	li	s4, BATCHES
1:	jal	check
	addi	s4, s4, -1
	bnez	s4, 1b
	li	s3, 1
	jal	rewrite
	# Long enough for the search for pages that are alike.
	csrr	s5, time
	li	t0, TICKS
	add	s5, s5, t0
2:	jal	check
	csrr	t0, time
	bltu	t0, s5, 2b
	la	t0, rounds
	lw	t1, 0(t0)
	addi	t1, t1, 1
	sw	t1, 0(t0)
	li	t0, UART
	lbu	t1, UART_LSR(t0)
	andi	t1, t1, 1
	beqz	t1, round
	li	t1, 1
end:
	la	t0, tohost
	sd	t1, 0(t0)
idle:
	wfi
	j	idle

# The instruction becomes addi a0, a0, s3.
rewrite:
	slli	t0, s3, 20
	li	t1, 0x00050513
	or	t0, t0, t1
	sw	t0, 0(s2)
	fence.i
	ret

# Calls the function BATCH times; what it adds up must be that many times s3.
check:
	mv	s6, ra
	li	a0, 0
	li	s7, BATCH
	li	s8, 0
3:	jal	function
	add	s8, s8, s3
	addi	s7, s7, -1
	bnez	s7, 3b
	li	t1, 3
	bne	a0, s8, end
	jr	s6

	.balign	4096
function:
	xori	a0, a0, 0
	.balign	4
change:
	.word	0x00150513
	ret
	.balign	4096

	.data
	.balign	4096
	.globl	addend
addend:	.word	0
	.globl	rounds
rounds:	.word	0
	.balign	4096
	.section .tohost, "aw"
	.balign	64
	.globl	tohost
tohost:	.dword	0
