# A machine-mode program on the UART: says "ready", then obeys letters.
#
#   b  a megabyte of lines, each the same 63 letters     q  power off
#   p  report a failure                                  r  reset
#   s  sleep in wfi, for ever                            l  loop, for ever
#   anything else is echoed in brackets

    .equ    UART, 0x10000000
    .equ    LSR, 5
    .equ    POWER, 0x100000

    .section .text
    .globl _start
_start:
    li      s0, UART
    li      s1, POWER
    la      a0, ready
    call    print
next:
    lbu     t0, LSR(s0)
    andi    t0, t0, 1
    beqz    t0, next
    lbu     s2, 0(s0)

    li      t0, 'b'
    beq     s2, t0, bulk
    li      t0, 'q'
    beq     s2, t0, off
    li      t0, 'p'
    beq     s2, t0, failed
    li      t0, 'r'
    beq     s2, t0, restart
    li      t0, 's'
    beq     s2, t0, sleep
    li      t0, 'l'
loop:
    beq     s2, t0, loop
    li      a0, '['
    call    put
    mv      a0, s2
    call    put
    li      a0, ']'
    call    put
    j       next

bulk:
    li      s3, 16384
1:  la      a0, line
    call    print
    addi    s3, s3, -1
    bnez    s3, 1b
    la      a0, ready
    call    print
    j       next

off:
    li      t0, 0x5555
    sw      t0, 0(s1)
failed:
    li      t0, 0x13333
    sw      t0, 0(s1)
restart:
    li      t0, 0x7777
    sw      t0, 0(s1)
sleep:
    wfi
    j       sleep

# a0: a text that ends with a zero.
print:
    mv      s4, a0
    mv      s5, ra
1:  lbu     a0, 0(s4)
    beqz    a0, 2f
    call    put
    addi    s4, s4, 1
    j       1b
2:  jr      s5

# a0: a letter. Waits until the UART can take it.
put:
    lbu     t0, LSR(s0)
    andi    t0, t0, 0x20
    beqz    t0, put
    sb      a0, 0(s0)
    ret

    .section .rodata
ready:
    .asciz  "ready\n"
line:
    .asciz  "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ\n"
