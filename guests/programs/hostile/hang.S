# Hostile guests that never end by themselves. HOW says which way.

#ifndef HOW
#define HOW 0
#endif

    .section .text.start, "ax"
    .globl  _start
_start:
#if HOW == 0
    # Sleeps with all interrupts off.
    csrw    mie, zero
1:  wfi
    j       1b
#elif HOW == 1
    # A trap whose handler lies nowhere.
    li      t0, 0x40000000
    csrw    mtvec, t0
    ecall
#elif HOW == 2
    # A trap handler that traps.
    la      t0, 1f
    csrw    mtvec, t0
    .balign 4
1:  ecall
#elif HOW == 3
    # Runs a device, with what it traps to in another.
    li      t0, 0x10000000
    csrw    mtvec, t0
    li      t0, 0x10001000
    jr      t0
#elif HOW == 4
    # Asks the UART for ever.
    li      t0, 0x10000000
1:  lbu     t1, 5(t0)
    j       1b
#elif HOW == 5
    # Talks for ever.
    li      t0, 0x10000000
    li      t1, 'x'
1:  sb      t1, 0(t0)
    j       1b
#elif HOW == 6
    # Supervisor with a page table that is its own, and a trap handler behind it.
    la      t0, table
    srli    t1, t0, 12
    slli    t2, t1, 10
    ori     t2, t2, 1
    li      t3, 512
2:  sd      t2, 0(t0)
    addi    t0, t0, 8
    addi    t3, t3, -1
    bnez    t3, 2b
    li      t2, -1
    csrw    pmpaddr0, t2
    li      t2, 0x1f
    csrw    pmpcfg0, t2
    li      t2, -1
    csrw    medeleg, t2
    li      t2, 10 << 60
    or      t1, t1, t2
    csrw    satp, t1
    li      t2, 1 << 11
    csrw    mstatus, t2
    mret
    .bss
    .balign 4096
table:
    .space  4096
#elif HOW == 7
    # Interrupts that nobody takes back: software interrupts, one on the other.
    la      t0, 1f
    csrw    mtvec, t0
    li      t0, 0x2000000
    li      t1, 1
    sw      t1, 0(t0)
    li      t1, 8
    csrw    mie, t1
    csrsi   mstatus, 8
    .balign 4
1:  mret
#endif
