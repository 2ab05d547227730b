# Hart 0 writes a number into each of PAGES pages behind the program, looks at all of them, and ends the run through HTIF: 1, or
# the number of the first page that is wrong. With STAYS it waits for ever instead. Other harts wait, or with SPINS run in a circle.
# The numbers begin at SALT. Behind page GATE hart 0 waits until somebody types.

	.section .text.start, "ax"
	.globl	_start
_start:
	bnez	a0, other
	li	s0, FIRST
	li	s1, PAGES
	li	s2, 4096
	mv	t0, s0
	li	s3, SALT
	li	t1, 0
fill:
	addi	t1, t1, 1
	add	t2, t1, s3
	sd	t2, 8(t0)
	add	t0, t0, s2
	li	t2, GATE
	bne	t1, t2, further
	li	t3, 0x10000000		# UART: bit 0 of register 5 says that there is a byte
gate:
	lbu	t2, 5(t3)
	andi	t2, t2, 1
	beqz	t2, gate
further:
	bne	t1, s1, fill
.if STAYS
	j	idle
.endif
	mv	t0, s0
	li	t1, 0
look:
	addi	t1, t1, 1
	ld	t2, 8(t0)
	sub	t2, t2, s3
	bne	t1, t2, wrong
	add	t0, t0, s2
	bne	t1, s1, look
	li	t1, 0
wrong:
	slli	t1, t1, 1
	ori	t1, t1, 1
	la	t0, tohost
	sd	t1, 0(t0)
idle:
	wfi
	j	idle
other:
.if SPINS
	j	other
.endif
	j	idle

	.data
	.balign	64
	.globl	tohost
tohost:
	.dword	0
