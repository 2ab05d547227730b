# What the specification says and QEMU does otherwise, or lockstep cannot show: the cases that the random families leave out.
#
# Each case has a number in gp; the number of the first that fails goes to `tohost`, as riscv-tests do it.

.macro case number
  li gp, \number
.endm

# The register must hold the value.
.macro expect register, value
  li t6, \value
  bne \register, t6, fail
.endm

# The next instructions must trap with this cause; the trap resumes behind the block that ends with `caught`.
.macro trapping
  la s8, 9f
  li s10, -1
.endm
.macro caught cause
  j fail
9:li t6, \cause
  bne s10, t6, fail
.endm

# Goes to a mode (MPP) with the status bits given.
.macro enter mode
  li t0, 3 << 11
  csrc mstatus, t0
  li t0, \mode << 11
  csrs mstatus, t0
  la t0, 8f
  csrw mepc, t0
  mret
8:
.endm

.equ MSIP, 0x2000000
.equ MTIMECMP, 0x2004000
.equ MTIME, 0x200bff8
.equ STIMECMP, 0x14d
.equ MENVCFG, 0x30a
.equ SSI, 1 << 1
.equ STI, 1 << 5
.equ SEI, 1 << 9

.section .text.start
.globl _start
_start:
  la t0, trap
  csrw mtvec, t0
  la sp, _stack_top
  li t0, -1
  csrw pmpaddr15, t0
  li t0, 0x1f << 56
  csrw pmpcfg2, t0
  li t0, 3 << 13
  csrs mstatus, t0

# Bit 0 of mepc and sepc is always 0 (3.1.14).
case 1
  li t0, 0x80001235
  csrw mepc, t0
  csrr t1, mepc
  expect t1, 0x80001234
  csrw sepc, t0
  csrr t1, sepc
  expect t1, 0x80001234

# Only what can happen below M can be delegated; M's own interrupts cannot (3.1.8).
case 2
  li t0, -1
  csrw medeleg, t0
  csrr t1, medeleg
  li t2, ~0xb3ff
  and t1, t1, t2
  expect t1, 0
  csrw medeleg, zero
  csrw mideleg, t0
  csrr t1, mideleg
  expect t1, 0x222
  csrw mideleg, zero

# Interrupts that do not exist cannot be enabled (3.1.9).
case 3
  li t0, -1
  csrw mie, t0
  csrr t1, mie
  csrw mie, zero
  expect t1, 0xaaa

# Bits 5 and 6 of a PMP configuration and the upper ten bits of a PMP address are 0 (3.7.1).
case 4
  li t0, 0x60
  csrw pmpcfg0, t0
  csrr t1, pmpcfg0
  expect t1, 0
  li t0, -1
  csrw pmpaddr0, t0
  csrr t1, pmpaddr0
  srli t1, t1, 54
  expect t1, 0
  csrw pmpaddr0, zero

# A vector's mode is 0 or 1, MPP never 2 (3.1.7, 3.1.6.1).
case 5
  la t0, trap
  ori t0, t0, 2
  csrw mtvec, t0
  csrr t1, mtvec
  andi t1, t1, 2
  expect t1, 0
  la t0, trap
  csrw mtvec, t0
  li t0, 2 << 11
  li t1, 1 << 11
  csrc mstatus, t1
  csrs mstatus, t0
  csrr t1, mstatus
  srli t1, t1, 11
  andi t1, t1, 3
  addi t1, t1, -2
  beqz t1, fail

# Of the supervisor's interrupts SEI comes first, then SSI, then STI (3.1.9).
case 6
  li t0, SEI | SSI | STI
  csrw mip, t0
  csrw mie, t0
  trapping
  csrsi mstatus, 8
  nop
  caught (1 << 63) + 9
  li t0, SEI
  csrc mip, t0
  trapping
  csrsi mstatus, 8
  nop
  caught (1 << 63) + 1
  li t0, SSI
  csrc mip, t0
  trapping
  csrsi mstatus, 8
  nop
  caught (1 << 63) + 5
  csrw mip, zero
  csrw mie, zero

# The fences of Svinval are illegal in U mode.
case 7
  enter 0
  trapping
  .word 0x18000073
  caught 2
  enter 0
  trapping
  .word 0x18100073
  caught 2
  # In S mode they are not, not even with TVM.
  li t0, 1 << 20
  csrs mstatus, t0
  enter 1
  .word 0x18000073
  .word 0x18100073
  trapping
  .word 0x16000073
  caught 2
  li t0, 1 << 20
  csrc mstatus, t0

# A page table where there is no memory is an access fault of the access's own kind (4.3.2).
case 8
  li t0, (8 << 60) | 0xa000
  csrw satp, t0
  sfence.vma
  li t1, 0x40000123
  li t0, 1 << 17
  csrs mstatus, t0
  li t0, 3 << 11
  csrc mstatus, t0
  li t0, 1 << 11
  csrs mstatus, t0
  trapping
  lb t2, 0(t1)
  caught 5
  li t6, 0x40000123
  bne s9, t6, fail
  # The trap has put M into MPP, and the way back U.
  trapping
  sb t2, 0(t1)
  caught 7
  li t0, 1 << 17
  csrc mstatus, t0
  csrw satp, zero

# stimecmp is nothing to STIP while STCE is off (Sstc).
case 9
  li t0, 1 << 63
  csrc MENVCFG, t0
  li t0, STI
  csrc mip, t0
  csrw STIMECMP, zero
  csrr t1, mip
  andi t1, t1, STI
  expect t1, 0
  # With STCE it is, and what software had put into STIP is not to be seen.
  li t0, STI
  csrs mip, t0
  li t0, -1
  csrw STIMECMP, t0
  li t0, 1 << 63
  csrs MENVCFG, t0
  csrr t1, mip
  andi t1, t1, STI
  expect t1, 0
  csrw STIMECMP, zero
  csrr t1, mip
  andi t1, t1, STI
  expect t1, STI
  li t0, -1
  csrw STIMECMP, t0
  li t0, 1 << 63
  csrc MENVCFG, t0
  li t0, STI
  csrc mip, t0

# minstret counts instructions one by one: what lies between two reads, and one of the reads (3.1.10).
case 10
  csrr t1, minstret
  csrr t2, minstret
  sub t1, t2, t1
  expect t1, 1
  csrr t1, minstret
  add t3, t3, t3
  c.addi t3, 1
  auipc t4, 0
  addi t4, t4, 4
  ld t5, 0(sp)
  ld t6, 8(sp)
  beq t4, t4, 1f
  nop
1:csrr t2, minstret
  sub t1, t2, t1
  expect t1, 8

# Machine interrupts: software and timer through the ACLINT, vectored (3.1.7).
case 11
  la t0, vectors
  ori t0, t0, 1
  csrw mtvec, t0
  li t0, 1 << 3 | 1 << 7
  csrw mie, t0
  li t1, MTIMECMP
  li t0, -1
  sd t0, 0(t1)
  li t1, MSIP
  li t0, 1
  sw t0, 0(t1)
  li s7, 0
  trapping
  csrsi mstatus, 8
  nop
  caught (1 << 63) + 3
  expect s7, 3
  sw zero, 0(t1)
  li t1, MTIMECMP
  sd zero, 0(t1)
  li s7, 0
  trapping
  csrsi mstatus, 8
  nop
  caught (1 << 63) + 7
  expect s7, 7
  li t0, -1
  sd t0, 0(t1)
  csrw mie, zero
  la t0, trap
  csrw mtvec, t0

# The machine's timer runs, and `wfi` ends when it is due.
case 12
  li t1, MTIME
  li t2, MTIMECMP
  ld t0, 0(t1)
  addi t0, t0, 1000
  sd t0, 0(t2)
  li t3, 1 << 7
  csrw mie, t3
  wfi
  ld t1, 0(t1)
  bltu t1, t0, fail
  li t0, -1
  sd t0, 0(t2)
  csrw mie, zero

# A locked PMP entry binds M as well, and cannot be changed (3.7.1.2).
case 13
  la t1, guarded
  srli t0, t1, 2
  csrw pmpaddr0, t0
  li t0, 0x90 | 1
  csrw pmpcfg0, t0
  lw t2, 0(t1)
  trapping
  sw t2, 0(t1)
  caught 7
  lw t2, 4(t1)
  sw t2, 4(t1)
  trapping
  ld t2, 0(t1)
  caught 5
  csrw pmpcfg0, zero
  csrr t2, pmpcfg0
  andi t2, t2, 0xff
  expect t2, 0x91
  csrr t0, pmpaddr0
  csrw pmpaddr0, zero
  csrr t2, pmpaddr0
  bne t0, t2, fail

# A locked TOR entry locks the address below it, too.
case 14
  li t0, 0x1000
  csrw pmpaddr1, t0
  csrw pmpaddr2, t0
  li t0, 0x88 << 16
  csrs pmpcfg0, t0
  csrw pmpaddr1, zero
  csrr t1, pmpaddr1
  expect t1, 0x1000

# Counters beyond the three that exist read as zero, and are there (3.1.10).
case 15
  csrr t1, mhpmcounter3
  expect t1, 0
  csrr t1, mhpmevent31
  expect t1, 0

  li gp, 0
fail:
  slli gp, gp, 1
  ori gp, gp, 1
  la t0, tohost
1:sd gp, 0(t0)
  j 1b

.balign 4
trap:
  csrr s10, mcause
  csrr s11, mepc
  csrr s9, mtval
  csrw mepc, s8
  li t5, 3 << 11
  csrs mstatus, t5
  # Back to M with interrupts off: MIE comes from MPIE.
  li t5, 1 << 7
  csrc mstatus, t5
  mret

.balign 256
.option push
.option norvc
vectors:
  j trap
  j fail
  j fail
  j 3f
  j fail
  j fail
  j fail
  j 7f
.option pop
3:li s7, 3
  j trap
7:li s7, 7
  j trap

.data
.balign 64
guarded:
  .dword 0, 0

.section .tohost, "aw"
.balign 64
.globl tohost
tohost:
  .dword 0
.globl fromhost
fromhost:
  .dword 0
