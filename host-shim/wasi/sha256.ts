// SHA-256 (FIPS 180-4), for the self-test: what it says of a guest's memory can be checked with any other implementation.

const BLOCK: u32 = 64;
const CONSTANTS: usize = memory.data<u32>([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
  0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
  0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
  0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
  0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
  0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
]);
const FIRST: usize = memory.data<u32>([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);
const STATE: usize = memory.data(32, 4);
const SCHEDULE: usize = memory.data(256, 4);
const LAST: usize = memory.data(64, 8);

/** Begins anew. */
export function begin(): void {
  memory.copy(STATE, FIRST, 32);
}

/** Adds bytes, a multiple of 64. */
export function add(ptr: usize, length: u32): void {
  for (let done: u32 = 0; done < length; done += BLOCK) block(ptr + done);
}

/** Ends after `length` bytes in all; the digest's eight words can be asked for. */
export function end(length: u64): void {
  memory.fill(LAST, 0, BLOCK);
  store<u8>(LAST, 0x80);
  store<u64>(LAST, bswap<u64>(length << 3), BLOCK - 8);
  block(LAST);
}

export function word(i: u32): u32 {
  return load<u32>(STATE + (<usize>i << 2));
}

function block(ptr: usize): void {
  for (let i: usize = 0; i < 64; i += 4) store<u32>(SCHEDULE + i, bswap<u32>(load<u32>(ptr + i)));
  for (let i: usize = 64; i < 256; i += 4) {
    const near = load<u32>(SCHEDULE + i - 8);
    const far = load<u32>(SCHEDULE + i - 60);
    const s0 = rotr<u32>(far, 7) ^ rotr<u32>(far, 18) ^ (far >> 3);
    const s1 = rotr<u32>(near, 17) ^ rotr<u32>(near, 19) ^ (near >> 10);
    store<u32>(SCHEDULE + i, load<u32>(SCHEDULE + i - 64) + s0 + load<u32>(SCHEDULE + i - 28) + s1);
  }
  let a = word(0), b = word(1), c = word(2), d = word(3), e = word(4), f = word(5), g = word(6), h = word(7);
  for (let i: usize = 0; i < 256; i += 4) {
    const s1 = rotr<u32>(e, 6) ^ rotr<u32>(e, 11) ^ rotr<u32>(e, 25);
    const t1 = h + s1 + ((e & f) ^ (~e & g)) + load<u32>(CONSTANTS + i) + load<u32>(SCHEDULE + i);
    const t2 = (rotr<u32>(a, 2) ^ rotr<u32>(a, 13) ^ rotr<u32>(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + t1;
    d = c;
    c = b;
    b = a;
    a = t1 + t2;
  }
  grow(0, a);
  grow(1, b);
  grow(2, c);
  grow(3, d);
  grow(4, e);
  grow(5, f);
  grow(6, g);
  grow(7, h);
}

function grow(i: u32, by: u32): void {
  store<u32>(STATE + (<usize>i << 2), word(i) + by);
}
