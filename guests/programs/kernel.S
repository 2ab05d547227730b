# The beginning of a supervisor-mode test guest in C, as a RISC-V Image: main(hart, device tree), then off through SBI.

    # gp does not lie where an address relative to it would say.
    .option norelax
    .section .text.start, "ax"
    .globl  _start
_start:
    .option push
    .option norvc
    j       begin
    .word   0
    .option pop
    .dword  0x200000                # text_offset
    .dword  0xf0000                 # image_size: with bss and stack
    .dword  0                       # flags
    .word   2                       # version
    .word   0
    .dword  0
    .ascii  "RISCV\0\0\0"
    .ascii  "RSC\x05"
    .word   0

begin:
    la      gp, __global_pointer$
    la      sp, _stack_top
    la      t0, unexpected
    csrw    stvec, t0
    call    main
    # System reset: off; the reason is how it went.
    snez    a1, a0
    li      a0, 0
    li      a6, 0
    li      a7, 0x53525354
    ecall
    j       .

    .balign 4
unexpected:
    li      a1, 1
    li      a0, 0
    li      a6, 0
    li      a7, 0x53525354
    ecall
    j       unexpected
