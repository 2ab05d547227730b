# The beginning of a bare guest that storms: every hart has a stack of its own, and traps go to the program's `trapped`.
# Hart 0 runs main(0), the others, once they are started, main(their number).

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
    .dword  0xf0000                 # image_size: with bss and stacks
    .dword  0                       # flags
    .word   2                       # version
    .word   0
    .dword  0
    .ascii  "RISCV\0\0\0"
    .ascii  "RSC\x05"
    .word   0

# Where the others begin, too: a0 is the hart's number.
    .globl  begin
begin:
    la      gp, __global_pointer$
    la      sp, _stack_top
    slli    t0, a0, 14
    add     sp, sp, t0
    la      t0, trap
    csrw    stvec, t0
    call    main
1:  wfi
    j       1b

# An interrupt or exception: what may be destroyed by a call is kept, then on behind what has trapped.
    .balign 4
trap:
    addi    sp, sp, -128
    sd      ra, 0(sp)
    sd      t0, 8(sp)
    sd      t1, 16(sp)
    sd      t2, 24(sp)
    sd      t3, 32(sp)
    sd      t4, 40(sp)
    sd      t5, 48(sp)
    sd      t6, 56(sp)
    sd      a0, 64(sp)
    sd      a1, 72(sp)
    sd      a2, 80(sp)
    sd      a3, 88(sp)
    sd      a4, 96(sp)
    sd      a5, 104(sp)
    sd      a6, 112(sp)
    sd      a7, 120(sp)
    csrr    a0, scause
    call    interrupted
    ld      ra, 0(sp)
    ld      t0, 8(sp)
    ld      t1, 16(sp)
    ld      t2, 24(sp)
    ld      t3, 32(sp)
    ld      t4, 40(sp)
    ld      t5, 48(sp)
    ld      t6, 56(sp)
    ld      a0, 64(sp)
    ld      a1, 72(sp)
    ld      a2, 80(sp)
    ld      a3, 88(sp)
    ld      a4, 96(sp)
    ld      a5, 104(sp)
    ld      a6, 112(sp)
    ld      a7, 120(sp)
    addi    sp, sp, 128
    sret
