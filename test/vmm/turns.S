# Two harts that take turns: each waits until the word `turn` is its own number, makes it the other's, and so on, ROUNDS times.
# They wait with WAIT, an instruction that says so. Hart 0 ends the run through HTIF.

	.section .text.start, "ax"
	.globl	_start
_start:
	la	t0, turn
	li	s0, ROUNDS
	xori	a1, a0, 1
wait:
	lr.w	t1, (t0)
	beq	t1, a0, mine
	.word	WAIT
	j	wait
mine:
	addi	s0, s0, -1
	amoswap.w.aqrl	x0, a1, (t0)
	bnez	s0, wait
	bnez	a0, idle
	la	t0, tohost
	li	t1, 1
	sd	t1, 0(t0)
idle:
	wfi
	j	idle

	.data
	.balign	64
turn:
	.dword	0
	.balign	64
	.globl	tohost
tohost:
	.dword	0
