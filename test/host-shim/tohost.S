# A test program as riscv-tests has them: writes the number in RESULT to `tohost`, and waits for the end.

#ifndef RESULT
#define RESULT 1
#endif

    .section .text
    .globl _start
_start:
    la      t0, tohost
    li      t1, RESULT
    sd      t1, 0(t0)
wait:
    j       wait

    .section .data
    .balign 64
    .globl  tohost
tohost:
    .dword  0
    .globl  fromhost
fromhost:
    .dword  0

    .section .bss
    .space  100
