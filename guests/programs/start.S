# The beginning of a machine-mode test guest in C: stack, main(hart, device tree), off; and a way to attempt what may trap.

    .equ    POWER, 0x100000
    # Addresses must not come from gp: after a trap it is anything.
    .option norelax

    .section .text.start, "ax"
    .globl  _start
_start:
    la      gp, __global_pointer$
    la      sp, _stack_top
    la      t0, unexpected
    csrw    mtvec, t0
    call    main
    # What main returns is how it went; 0: well.
    li      t0, POWER
    li      t1, 0x5555
    beqz    a0, 1f
    slli    a0, a0, 16
    li      t1, 0x3333
    or      t1, t1, a0
1:  sw      t1, 0(t0)
    j       1b

    .balign 4
unexpected:
    li      t0, POWER
    li      t1, 0x7f3333
    sw      t1, 0(t0)
    j       unexpected

# int attempt(u64 entry, u64 argument, u64 privilege): calls entry(argument) with that privilege; 0 if it came back, 1 if
# something else came. What it was is in `trapped`: cause, value, pc. Whatever was done to the registers, ours are kept.
    .globl  attempt
attempt:
    la      t0, frame
    sd      ra, 0(t0)
    sd      sp, 8(t0)
    sd      gp, 16(t0)
    sd      tp, 24(t0)
    sd      s0, 32(t0)
    sd      s1, 40(t0)
    sd      s2, 48(t0)
    sd      s3, 56(t0)
    sd      s4, 64(t0)
    sd      s5, 72(t0)
    sd      s6, 80(t0)
    sd      s7, 88(t0)
    sd      s8, 96(t0)
    sd      s9, 104(t0)
    sd      s10, 112(t0)
    sd      s11, 120(t0)
    la      t1, recover
    csrw    mtvec, t1
    csrw    mepc, a0
    # MPP is the privilege, MPIE, FS dirty.
    slli    a2, a2, 11
    li      t1, 0x6080
    or      a2, a2, t1
    csrw    mstatus, a2
    mv      a0, a1
    la      ra, back
    mret

back:
    ecall

    .balign 4
recover:
    la      t0, frame
    ld      ra, 0(t0)
    ld      sp, 8(t0)
    ld      gp, 16(t0)
    ld      tp, 24(t0)
    ld      s0, 32(t0)
    ld      s1, 40(t0)
    ld      s2, 48(t0)
    ld      s3, 56(t0)
    ld      s4, 64(t0)
    ld      s5, 72(t0)
    ld      s6, 80(t0)
    ld      s7, 88(t0)
    ld      s8, 96(t0)
    ld      s9, 104(t0)
    ld      s10, 112(t0)
    ld      s11, 120(t0)
    la      t1, trapped
    csrr    t2, mcause
    sd      t2, 0(t1)
    csrr    t3, mtval
    sd      t3, 8(t1)
    csrr    t3, mepc
    sd      t3, 16(t1)
    la      t1, unexpected
    csrw    mtvec, t1
    li      t1, 0x6000
    csrw    mstatus, t1
    la      t1, back
    sub     a0, t3, t1
    snez    a0, a0
    ret

    .bss
    .balign 8
frame:
    .space  128
    .globl  trapped
trapped:
    .space  24
