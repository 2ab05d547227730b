// The checksum of a page: tells quickly that two pages differ. That they are alike only a comparison tells.

/** That of a page of zeroes; no other page has it, nor 0. */
export const ZEROES: u32 = 1;

const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;

/** The checksum of the 4 KiB at `ptr`, which may change meanwhile. */
export function sumOf(ptr: usize): u32 {
  // Four chains, as a multiplication takes longer than the rest.
  let a: u64 = 1;
  let b: u64 = 2;
  let c: u64 = 3;
  let d: u64 = 4;
  let any: u64 = 0;
  for (const end = ptr + 4096; ptr < end; ptr += 32) {
    const w0 = load<u64>(ptr);
    const w1 = load<u64>(ptr, 8);
    const w2 = load<u64>(ptr, 16);
    const w3 = load<u64>(ptr, 24);
    any |= w0 | w1 | w2 | w3;
    a = rotl<u64>(a ^ w0, 29) * PRIME;
    b = rotl<u64>(b ^ w1, 29) * PRIME;
    c = rotl<u64>(c ^ w2, 29) * PRIME;
    d = rotl<u64>(d ^ w3, 29) * PRIME;
  }
  if (any == 0) return ZEROES;
  const sum = (a ^ rotl<u64>(b, 16) ^ rotl<u64>(c, 32) ^ rotl<u64>(d, 48)) * PRIME;
  return max(<u32>(sum >> 32), ZEROES + 1);
}

/** Do the 4 KiB at both addresses hold the same? */
export function areSame(a: usize, b: usize): bool {
  for (const end = a + 4096; a < end; a += 16, b += 16) {
    if (((load<u64>(a) ^ load<u64>(b)) | (load<u64>(a, 8) ^ load<u64>(b, 8))) != 0) return false;
  }
  return true;
}
