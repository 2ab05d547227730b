// The Internet checksum (RFC 1071), and how it changes with a few words of what it covers (RFC 1624).
//
// A sum is a number of up to 64 bits that `fold` brings down to 16. All is counted in the order in which words lie in memory,
// which gives the sum in that order too (RFC 1071, 2.B): it is stored with a plain store<u16>, and nothing is ever swapped.
//
//   add          bytes of a packet to a sum          fold, finish     what is stored for a sum
//   instead16 …  a change to a sum of changes        amend, amendPart the change to a stored checksum

/** Bytes that the lanes of `add` can take before one runs over: 2^32 / (2 * 0xffff) steps of 16. */
const MOST: u32 = 0x8_0000;

/** `sum` and the words of `length` bytes at `ptr`, which stand at an even distance from where the sum begins; at most 512 KiB. */
export function add(sum: u64, ptr: usize, length: u32): u64 {
  assert(length <= MOST);
  let at = ptr;
  let left = length;
  if (left >= 16) {
    let lanes = i32x4.splat(0);
    for (; left >= 16; left -= 16) {
      lanes = i32x4.add(lanes, i32x4.extadd_pairwise_i16x8_u(v128.load(at)));
      at += 16;
    }
    sum += <u64><u32>i32x4.extract_lane(lanes, 0) + <u64><u32>i32x4.extract_lane(lanes, 1);
    sum += <u64><u32>i32x4.extract_lane(lanes, 2) + <u64><u32>i32x4.extract_lane(lanes, 3);
  }
  for (; left >= 2; left -= 2) {
    sum += load<u16>(at);
    at += 2;
  }
  // A last odd byte is the first of a word whose second is zero.
  return left != 0 ? sum + load<u8>(at) : sum;
}

/** The same for bytes that begin `distance` from where the sum begins: at an odd one every byte is the other half of a word. */
export function addAt(sum: u64, ptr: usize, length: u32, distance: u32): u64 {
  if ((distance & 1) == 0) return add(sum, ptr, length);
  return sum + <u64>bswap<u16>(<u16>fold(add(0, ptr, length)));
}

/** A sum in 16 bits. */
export function fold(sum: u64): u32 {
  let folded = (sum & 0xffff_ffff) + (sum >> 32);
  folded = (folded & 0xffff) + (folded >> 16 & 0xffff) + (folded >> 32);
  folded = (folded & 0xffff) + (folded >> 16);
  return <u32>((folded & 0xffff) + (folded >> 16));
}

/** What is stored as checksum for a sum. */
export function finish(sum: u64): u32 {
  return fold(sum) ^ 0xffff;
}

/** What is stored as UDP checksum: 0 would mean that there is none (RFC 768). */
export function finishUdp(sum: u64): u32 {
  const checksum = finish(sum);
  return checksum == 0 ? 0xffff : checksum;
}

/** The sum of an IPv4 pseudo-header (RFC 793, 3.1): `ip` is the address of the header, `length` that of what follows it. */
export function pseudo4(ip: usize, protocol: u32, length: u32): u64 {
  return add(0, ip + 12, 8) + number(protocol) + number(length);
}

/** The sum of an IPv6 pseudo-header (RFC 8200, 8.1): source and destination as the header at `ip` has them. */
export function pseudo6(ip: usize, protocol: u32, length: u32): u64 {
  return add(0, ip + 8, 32) + number(protocol) + number(length >> 16) + number(length & 0xffff);
}

/** A number of 16 bits as a word of the wire. */
function number(value: u32): u64 {
  return <u64>bswap<u16>(<u16>value);
}

/** Stores the checksum of the IPv4 header at `ip`. */
export function seal4(ip: usize): void {
  store<u16>(ip + 10, 0);
  store<u16>(ip + 10, <u16>finish(add(0, ip, (<u32>load<u8>(ip) & 15) << 2)));
}

/** Stores `value` (a number) at `ptr`, and gives `change` with what this does to a sum. */
export function instead16(change: u64, ptr: usize, value: u32): u64 {
  return insteadWord(change, ptr, <u32>bswap<u16>(<u16>value));
}

/** The same for a word that is in the order of the wire already. */
export function insteadWord(change: u64, ptr: usize, word: u32): u64 {
  change += 0xffff ^ <u64>load<u16>(ptr);
  store<u16>(ptr, <u16>word);
  return change + (word & 0xffff);
}

/** The same for 4 bytes. */
export function instead32(change: u64, ptr: usize, value: u32): u64 {
  return instead16(instead16(change, ptr, value >> 16), ptr + 2, value & 0xffff);
}

/** The same for 8 bytes. */
export function instead64(change: u64, ptr: usize, value: u64): u64 {
  return instead32(instead32(change, ptr, <u32>(value >> 32)), ptr + 4, <u32>value);
}

/** Carries a change over to the checksum at `ptr` (RFC 1624, equation 3). */
export function amend(ptr: usize, change: u64): void {
  store<u16>(ptr, <u16>finish(change + (0xffff ^ <u64>load<u16>(ptr))));
}

/** The same for a UDP checksum: none stays none. */
export function amendUdp(ptr: usize, change: u64): void {
  const old: u64 = load<u16>(ptr);
  if (old != 0) store<u16>(ptr, <u16>finishUdp(change + (0xffff ^ old)));
}

/** The same for the sum of a pseudo-header that stands where the checksum is to be made (VIRTIO_NET_HDR_F_NEEDS_CSUM). */
export function amendPart(ptr: usize, change: u64): void {
  store<u16>(ptr, <u16>fold(change + <u64>load<u16>(ptr)));
}

/** Does the IPv4 header at `ip` have the right checksum? */
export function isSealed4(ip: usize): bool {
  return fold(add(0, ip, (<u32>load<u8>(ip) & 15) << 2)) == 0xffff;
}
