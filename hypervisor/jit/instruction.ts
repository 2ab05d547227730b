// One guest instruction as the translator sees it, and what it does to registers.

@unmanaged @final
export class Instruction {
  /** OP_* of cpu/ops.ts, in the form for 32 bits, not fused, jumps as OP_FAR_*; OP_STEP: `raw` says what it is. */
  operation: u32;
  rd: u32;
  rs1: u32;
  rs2: u32;
  /** As decoded; of branches and jumps the distance in bytes. */
  immediate: i32;
  /** The 32-bit form. */
  raw: u32;
  /** 2 or 4. */
  length: u32;
  /** Distance in bytes from the first instruction of the region. */
  offset: i32;
  /** Registers as bits: read and written. x0 never occurs. */
  readsX: u32;
  writesX: u32;
  readsF: u32;
  writesF: u32;
  /** It may leave the region before it has happened: a miss, or floats that need soft arithmetic. */
  mayLeave: bool;
  /** Loads and stores (jit/memory.ts): it uses the look of an earlier one. */
  isFollower: bool;
  /** The look is for a store, or for several accesses one of which is: what may be written may be read. */
  isForWrite: bool;
  /** The local with the host's address that several share; 0: none. */
  shared: u32;
  /** Distance from the base register of the lowest byte that is looked at, and how many. */
  low: i32;
  span: i32;
}
