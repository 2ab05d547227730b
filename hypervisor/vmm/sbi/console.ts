// SBI debug console (chapter 12), and the legacy calls for one character: the same port as the UART's, and the same limit.
//
// A call that writes several bytes may write fewer. One that writes a single byte has no such answer, and waits for room by the
// spec; where a limit says that there is none, the `ecall` is done again, as firmware that looks at its port in a loop does:
// the guest pays for that time, and takes its interrupts in between. Where the host takes no more, the byte is dropped, as on a
// serial line without a reader.

import { Hart } from "../../cpu/hart";
import * as bus from "../../devices/bus";
import * as uart from "../../devices/uart";
import { Uart } from "../../devices/uart";
import { Guest } from "../../guest/guest";
import * as ram from "../../guest/ram";
import * as host from "../../host";
import * as board from "../board";
import { Papers, papersOf } from "../papers";
import { SBI_ERR_INVALID_PARAM, SBI_ERR_NOT_SUPPORTED, argument, fail, functionId, succeed } from "./call";

const CONSOLE_WRITE: u32 = 0;
const CONSOLE_READ: u32 = 1;
const CONSOLE_WRITE_BYTE: u32 = 2;

const PORT: u32 = 0;
/** Bytes of an `ecall`, which has no compressed form. */
const ECALL_BYTES: u64 = 4;

// The UART's registers, where a byte of input may wait (devices/uart.ts).
const UART_RX: u64 = 0;
const UART_LCR: u64 = 3;
const UART_LSR: u64 = 5;
const UART_LCR_DLAB: u64 = 0x80;
const UART_LSR_DR: u64 = 1;

/** Most bytes one call moves. A call may move fewer than asked (section 12.1), and its time is not the guest's to choose. */
const BYTES_MAX: u64 = 0x1_0000;

/** Where a byte lies on its way between a register and the host, which needs a pointer. */
function scratch(guest: Guest): usize {
  return changetype<usize>(papersOf(guest)) + offsetof<Papers>("scratch");
}

/**
 * Takes input that the UART has fetched already: it shares the port. Only while its data register is to be seen; what it
 * holds otherwise belongs to a driver at work.
 */
function readUart(guest: Guest, ptr: usize, capacity: u32): u32 {
  const uart = board.uartOf(guest);
  let count: u32 = 0;
  if ((bus.read(guest, uart, UART_LCR, 1) & UART_LCR_DLAB) != 0) return 0;
  while (count < capacity && (bus.read(guest, uart, UART_LSR, 1) & UART_LSR_DR) != 0) {
    store<u8>(ptr + count++, bus.read(guest, uart, UART_RX, 1));
  }
  return count;
}

function read(guest: Guest, ptr: usize, capacity: u32): u32 {
  const count = readUart(guest, ptr, capacity);
  return count == capacity ? count : count + host.consoleRead(guest.id, PORT, ptr + count, capacity - count);
}

function port(guest: Guest): Uart {
  return changetype<Uart>(board.uartOf(guest));
}

/** What the UART still holds back comes first. */
function write(guest: Guest, ptr: usize, length: u32): u32 {
  return uart.speak(guest, port(guest), ptr, length);
}

/** Writes one byte; false while the console is full. */
export function writeByte(guest: Guest, value: u32): bool {
  store<u8>(scratch(guest), value);
  return write(guest, scratch(guest), 1) == 1;
}

/** Writes one byte for a call that can't say no. False: a limit holds it back, and the hart is at its `ecall` again. */
export function waitToWrite(guest: Guest, hart: Hart, value: u32): bool {
  if (writeByte(guest, value) || !uart.isHeld(guest, port(guest))) return true;
  hart.pc -= ECALL_BYTES;
  return false;
}

/** Reads one byte; -1 while there is none. */
export function readByte(guest: Guest): i32 {
  return read(guest, scratch(guest), 1) == 1 ? load<u8>(scratch(guest)) : -1;
}

/** Moves bytes between console and guest RAM, page by page, until one side has no more. */
function move(guest: Guest, hart: Hart, outward: bool): void {
  const wanted = argument(hart, 0);
  let gpa = argument(hart, 1);
  // The high half of the address is for RV32 physical addresses beyond the register; RV64 has none.
  if (argument(hart, 2) != 0 || !ram.hasRange(guest, gpa, wanted)) return fail(hart, SBI_ERR_INVALID_PARAM);
  let left = wanted < BYTES_MAX ? wanted : BYTES_MAX;
  let moved: u64 = 0;
  while (left > 0) {
    const part = ram.run(gpa, left);
    const ptr = outward ? ram.readable(guest, gpa) : ram.writable(guest, gpa);
    if (ptr == 0) break;
    const done = outward ? write(guest, ptr, part) : read(guest, ptr, part);
    moved += done;
    if (done < part) break;
    gpa += part;
    left -= part;
  }
  succeed(hart, moved);
}

/** Answers a call. */
export function call(guest: Guest, hart: Hart): void {
  switch (functionId(hart)) {
    case CONSOLE_WRITE: return move(guest, hart, true);
    case CONSOLE_READ: return move(guest, hart, false);
    case CONSOLE_WRITE_BYTE:
      if (waitToWrite(guest, hart, <u32>argument(hart, 0) & 0xff)) succeed(hart, 0);
      break;
    default: fail(hart, SBI_ERR_NOT_SUPPORTED);
  }
}
