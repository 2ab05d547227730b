# The head of a random program: whatever traps, execution goes on a little further in the random bytes that follow.

    .option norelax
    .section .text.start, "ax"
    .globl  _start
_start:
    la      t0, trap
    csrw    mtvec, t0
    li      t0, 0x6000
    csrw    mstatus, t0
    la      s0, _end
    la      sp, _end + 0x8000
    mv      a0, s0
    mv      a1, sp
    li      a2, 0x10001000
    li      a3, 0x10000000
    li      a4, 0x2000000
    li      a5, 0xc000000
    csrw    mscratch, s0
    jr      s0

    .balign 4
trap:
    # The next start is 6 bytes on; in memory, because a program may change every register.
    csrr    t0, mscratch
    addi    t0, t0, 6
    li      t1, 0x7fff
    and     t2, t0, t1
    la      t0, _end
    or      t0, t0, t2
    csrw    mscratch, t0
    csrw    mepc, t0
    li      t1, 0x7800
    csrc    mstatus, t1
    li      t1, 0x7800
    csrs    mstatus, t1
    mret
    .balign 32768
