# The guest side of lockstep: runs group after group from a known state and writes down what each one did.
#
# A group is a short piece of code at `entry` that ends with an `ecall` at `end`. Before it the monitor writes the
# group's memory words ("pokes") and registers; every trap is noted in the group's record and the instruction after
# the faulting one goes on; at the end all registers and some memory ("peeks") are written to the record.
# The host lays out everything (image.ts); the numbers of both sides come from there by -D.
#
# Descriptor: entry, end, input, record, pokes, peeks (8 bytes each, padded to 64).
# Input:      mstatus, x1..x31, f0..f31, fcsr [, control registers]
# Record:     traps, x1..x31, f0..f31, fcsr [, mstatus and control registers], traps x 8 words, peeked words
# Trap:       mcause, mepc, mtval, mstatus, scause, sepc, stval, mip
# Pokes:      { address, words, word... } ... 0        Peeks: { address, words } ... 0

#define FINISHER 0x100000
#define MTIMECMP 0x2004000
#define CSR_STIMECMP 0x14d

# The registers that FLAG_CONTROL sets before and reads after each group, in the order of CONTROL in image.ts.
.macro control op
  \op medeleg
  \op mideleg
  \op mie
  \op mip
  \op 0x106
  \op 0x30a
  \op 0x10a
  \op stvec
  \op sscratch
  \op sepc
  \op scause
  \op stval
  \op mcounteren
  \op satp
.endm

# Written only with FLAG_PROTECTION, for each write makes QEMU forget all translations.
.macro protection op
  .irp n, 0,1,2,3,4,5
  \op pmpaddr\n
  .endr
  \op pmpcfg0
.endm

.macro put_control csr
  ld t1, 0(t0)
  csrw \csr, t1
  addi t0, t0, 8
.endm

.macro take_control csr
  csrr t1, \csr
  sd t1, 0(t0)
  addi t0, t0, 8
.endm

.section .text.start
.globl _start
_start:
  # QEMU has a second hart, and then makes atomic instructions atomic; that hart only sleeps.
  csrr t0, mhartid
  beqz t0, 2f
1:wfi
  j 1b
2:la t0, trap
  csrw mtvec, t0
  # Entry 15, the weakest, allows everything; families use the others.
  li t0, -1
  csrw pmpaddr15, t0
  li t0, 0x1f << 56
  csrw pmpcfg2, t0
  csrw mie, zero
  csrw mideleg, zero
  csrw medeleg, zero
  csrw mcounteren, zero
  csrw satp, zero
  # Timers that are never due.
  li t0, -1
  csrw CSR_STIMECMP, t0
  li t1, MTIMECMP
  sd t0, 0(t1)

next_group:
  la s0, parameters
  ld t0, P_NEXT(s0)
  ld t1, P_COUNT(s0)
  beq t0, t1, power_off
  addi t1, t0, 1
  sd t1, P_NEXT(s0)
  slli t0, t0, 6
  ld s1, P_GROUPS(s0)
  add s1, s1, t0
  ld t0, 8(s1)
  sd t0, P_END(s0)
  ld t0, 40(s1)
  sd t0, P_PEEKS(s0)

  ld s2, 32(s1)
1:ld t0, 0(s2)
  beqz t0, 3f
  ld t1, 8(s2)
  addi s2, s2, 16
2:ld t2, 0(s2)
  sd t2, 0(t0)
  addi s2, s2, 8
  addi t0, t0, 8
  addi t1, t1, -1
  bnez t1, 2b
  j 1b

3:li t0, 3 << 13
  csrs mstatus, t0
  ld s3, 16(s1)
  ld t0, 64 * 8(s3)
  fscsr t0
  .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
  fld f\n, (32 + \n) * 8(s3)
  .endr
  ld t0, P_FLAGS(s0)
  andi t0, t0, FLAG_CONTROL
  beqz t0, 4f
  addi t0, s3, 65 * 8
  control put_control
  ld t1, P_FLAGS(s0)
  andi t1, t1, FLAG_PROTECTION
  beqz t1, 5f
  protection put_control
5:sfence.vma
  fence.i
4:ld t0, 24(s1)
  csrw mscratch, t0
  sd zero, 0(t0)
  ld t0, 0(s1)
  csrw mepc, t0
  ld t0, 0(s3)
  csrw mstatus, t0
  mv x31, s3
  .irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
  ld x\n, \n * 8(x31)
  .endr
  mret

.balign 4
trap:
  csrrw x31, mscratch, x31
  .irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
  sd x\n, \n * 8(x31)
  .endr
  csrrw t0, mscratch, x31
  sd t0, 31 * 8(x31)

  la s0, parameters
  ld s1, 0(x31)
  slli t0, s1, 6
  ld t1, P_TRAPS(s0)
  add t0, t0, t1
  add t0, t0, x31
  csrr s2, mcause
  csrr s3, mepc
  csrr t1, mtval
  csrr s4, mstatus
  csrr s5, scause
  csrr s6, sepc
  csrr t2, stval
  csrr t3, mip
  sd s2, 0(t0)
  sd s3, 8(t0)
  sd t1, 16(t0)
  sd s4, 24(t0)
  sd s5, 32(t0)
  sd s6, 40(t0)
  sd t2, 48(t0)
  sd t3, 56(t0)
  addi s1, s1, 1
  sd s1, 0(x31)
  ld t0, P_END(s0)
  beq t0, s3, finish
  ld t0, P_LIMIT(s0)
  bgeu s1, t0, finish

  # A supervisor handler is a row of instructions that trap: what they tell is the trap they were entered for.
  ld t0, P_STUBS(s0)
  sub t0, s3, t0
  li t1, STUB_BYTES
  bgeu t0, t1, 1f
  mv s2, s5
  mv s3, s6
  ld t0, P_END(s0)
  beq t0, s3, finish
  li t0, 3 << 11 | 1 << 1
  csrc mstatus, t0
  srli t0, s4, 8
  andi t0, t0, 1
  slli t0, t0, 11
  csrs mstatus, t0
  srli t0, s4, 5
  andi t0, t0, 1
  slli t0, t0, 1
  csrs mstatus, t0
  j 2f

  # An environment call raises to M mode where a family wants that; from elsewhere one comes down by mret.
1:li t0, 8
  bltu s2, t0, 2f
  li t0, 11
  bltu t0, s2, 2f
  ld t0, P_FLAGS(s0)
  andi t0, t0, FLAG_RAISE
  beqz t0, 2f
  li t0, 3 << 11
  csrs mstatus, t0

  # After an interrupt its enable bit is cleared and the same instruction goes on.
2:bgez s2, 3f
  li t0, 1
  sll t0, t0, s2
  csrc mie, t0
  j 5f

  # After an exception the next instruction goes on; a jump into the void goes back to the link register.
3:ld t0, P_CODE(s0)
  ld t1, P_CODE_END(s0)
  bltu s3, t0, 4f
  bgeu s3, t1, 4f
  lhu t2, 0(s3)
  andi t2, t2, 3
  addi s3, s3, 2
  li t3, 3
  bne t2, t3, 5f
  addi s3, s3, 2
  j 5f
4:ld s3, 8(x31)
  bltu s3, t0, finish
  bgeu s3, t1, finish
5:csrw mepc, s3
  .irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
  ld x\n, \n * 8(x31)
  .endr
  mret

finish:
  li t0, 3 << 13
  csrs mstatus, t0
  .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
  fsd f\n, (32 + \n) * 8(x31)
  .endr
  frcsr t0
  sd t0, 64 * 8(x31)
  ld t0, P_FLAGS(s0)
  andi t0, t0, FLAG_CONTROL
  beqz t0, 1f
  sd s4, 65 * 8(x31)
  addi t0, x31, 66 * 8
  control take_control
  protection take_control
  # An access that a region covers in part fails even in M mode.
  ld t1, P_FLAGS(s0)
  andi t1, t1, FLAG_PROTECTION
  beqz t1, 2f
  csrw pmpcfg0, zero
2:csrw satp, zero
  csrw mie, zero
1:ld t0, P_TRAPS(s0)
  add t0, t0, x31
  ld t1, P_LIMIT(s0)
  slli t1, t1, 6
  add t0, t0, t1
  ld t1, P_PEEKS(s0)
2:ld t2, 0(t1)
  beqz t2, next_group
  ld t3, 8(t1)
  addi t1, t1, 16
3:ld t4, 0(t2)
  sd t4, 0(t0)
  addi t2, t2, 8
  addi t0, t0, 8
  addi t3, t3, -1
  bnez t3, 3b
  j 2b

power_off:
  li t0, FINISHER
  li t1, 0x5555
  sw t1, 0(t0)
  j .

# On a page of its own: each store to a page of code costs whoever keeps translations of it.
.balign 4096
.globl parameters
parameters:
  .space 128
