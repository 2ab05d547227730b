// What is fixed in the self-test (self-test.ts), for whoever runs the same guests on another host. Read by asc and by tsc alike, so it
// imports nothing and carries no types.

/** The clock moves on by so many ns whenever it is read: what is 2 ms for the kernel are ten readings. */
export const FIXED_TICK_NS = 200_000
/** The wall clock stands still here, in ns since 1970. */
export const FIXED_WALL_NS = 1_700_000_000_000_000_000
/** Where the random bytes begin. */
export const FIXED_SEED = 0x4f72_6c6f
/** Millions of instructions that all guests execute together if nothing else is said; a run ends a few later. */
export const FIXED_MILLIONS = 100
