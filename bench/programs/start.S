# Start of every bench program, in M mode at the first byte of RAM (which is zero): floats on, a stack, main, and the switch.
# main gives 0 for the right result: the machine powers off; anything else: it says that it failed.

    .equ POWER, 0x100000
    .equ PASS, 0x5555
    .equ FAIL, 0x3333
    .equ MSTATUS_FS_INITIAL, 1 << 13

    .section .text.start
    .globl _start
_start:
    la t0, trapped
    csrw mtvec, t0
    li t0, MSTATUS_FS_INITIAL
    csrs mstatus, t0
    csrwi fcsr, 0
    la sp, _stack_top
    call main
    beqz a0, passed
failed:
    li t1, (1 << 16) | FAIL
    j switch_off
passed:
    li t1, PASS
switch_off:
    li t0, POWER
    sw t1, 0(t0)
wait:
    wfi
    j wait

    .align 2
trapped:
    j failed

# Data begin on a page of their own: a translator must watch every store to a page that also holds code.
    .data
    .balign 4096
    .dword 0
