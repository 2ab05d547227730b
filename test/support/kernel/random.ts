// A small pseudo-random sequence (xorshift64*), so that a fuzzer's run can be repeated from its seed.

let state: u64 = 1;

export function seed(value: u64): void {
  state = value | 1;
}

export function next(): u64 {
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return state * 0x2545_f491_4f6c_dd1d;
}

/** A number below `bound`. */
export function below(bound: u32): u32 {
  return <u32>((next() >> 33) % bound);
}

/** True once in `n` times. */
export function once(n: u32): bool {
  return below(n) == 0;
}
