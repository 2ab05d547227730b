// A callback is a number: the tag of a block transfer says whose it is.
//
//   31 ....... 24 | 23 ....... 16 | 15 ............ 0
//   guest id      | device slot   | number of the request in its device

/** The tag of a request. */
export function make(guest: u32, slot: u32, request: u32): u32 {
  return guest << 24 | (slot & 0xff) << 16 | request & 0xffff;
}

/** Whose guest's the transfer is. */
export function guestOf(tag: u32): u32 {
  return tag >> 24;
}

/** Whose device's it is. */
export function slotOf(tag: u32): u32 {
  return tag >> 16 & 0xff;
}

/** Which of the device's requests it belongs to. */
export function requestOf(tag: u32): u32 {
  return tag & 0xffff;
}
