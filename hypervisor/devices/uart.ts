// The serial port, an NS16550A: 16 bytes of input, and output that is gathered and handed to the host in larger pieces.
//
// To the guest a byte written is a byte sent, as long as our buffer has room for one more load of the 16-byte FIFO. When
// the host takes no more, or the limit of the guest's consoles is reached, LSR.THRE and LSR.TEMT fall until there is room, so
// that a driver which looks never loses a byte.

import { Guest, offend } from "../guest/guest";
import * as lines from "../guest/lines";
import * as host from "../host";
import { Device } from "./device";
import * as limits from "./limits";
import { LANE_CONSOLE } from "./limits";
import { trafficOf } from "./traffic";

/** Registers; names and bits as in Linux's include/uapi/linux/serial_reg.h. */
const UART_RX: u32 = 0;
const UART_IER: u32 = 1;
const UART_IIR: u32 = 2;
const UART_LCR: u32 = 3;
const UART_MCR: u32 = 4;
const UART_LSR: u32 = 5;
const UART_MSR: u32 = 6;
const UART_SCR: u32 = 7;

const UART_IER_RDI: u32 = 0x01;
const UART_IER_THRI: u32 = 0x02;
const UART_IER_RLSI: u32 = 0x04;
const UART_IER_MSI: u32 = 0x08;

const UART_IIR_NO_INT: u32 = 0x01;
const UART_IIR_MSI: u32 = 0x00;
const UART_IIR_THRI: u32 = 0x02;
const UART_IIR_RDI: u32 = 0x04;
const UART_IIR_RLSI: u32 = 0x06;
const UART_IIR_RX_TIMEOUT: u32 = 0x0c;
const UART_IIR_FIFO_ENABLED: u32 = 0xc0;

const UART_FCR_ENABLE_FIFO: u32 = 0x01;
const UART_FCR_CLEAR_RCVR: u32 = 0x02;

const UART_LCR_DLAB: u32 = 0x80;

const UART_MCR_DTR: u32 = 0x01;
const UART_MCR_RTS: u32 = 0x02;
const UART_MCR_OUT1: u32 = 0x04;
const UART_MCR_OUT2: u32 = 0x08;
const UART_MCR_LOOP: u32 = 0x10;

const UART_LSR_DR: u32 = 0x01;
const UART_LSR_OE: u32 = 0x02;
const UART_LSR_THRE: u32 = 0x20;
const UART_LSR_TEMT: u32 = 0x40;

const UART_MSR_CTS: u32 = 0x10;
const UART_MSR_DSR: u32 = 0x20;
const UART_MSR_RI: u32 = 0x40;
const UART_MSR_DCD: u32 = 0x80;

const FIFO_SIZE: u32 = 16;
const OUTPUT_SIZE: u32 = 1024;

@unmanaged @final
export class Uart extends Device {
  // Registers as the guest wrote them.
  ier: u32;
  lcr: u32;
  mcr: u32;
  scr: u32;
  /** Divisor latch, low and high byte. */
  divisorLow: u32;
  divisorHigh: u32;
  /** 1 while the FIFOs are on. */
  fifoEnabled: u32;
  /** Bytes of input at which the data interrupt is raised. */
  trigger: u32;

  // Interrupt sources that a register cannot tell.
  /** 1 from "there is room again" until the guest reads IIR or writes. */
  roomPending: u32;
  /** UART_LSR_OE if input was lost since LSR was last read. */
  overrun: u32;
  /** Delta bits of MSR since it was last read. */
  modemDelta: u32;

  /** Index of the oldest byte in the input FIFO, and how many there are. */
  inputFirst: u32;
  inputCount: u32;
  /** Bytes in the output buffer. */
  outputCount: u32;
}
/** The input FIFO and the output buffer follow the struct. */
const INPUT: usize = offsetof<Uart>();
const OUTPUT: usize = INPUT + FIFO_SIZE;
if (OUTPUT + OUTPUT_SIZE > 4096) ERROR("the UART runs out of its page");

/** Has the output buffer room for a full FIFO? */
function isReady(uart: Uart): bool {
  return OUTPUT_SIZE - uart.outputCount >= FIFO_SIZE;
}

function capacity(uart: Uart): u32 {
  return uart.fifoEnabled != 0 ? FIFO_SIZE : 1;
}

function isLooped(uart: Uart): bool {
  return (uart.mcr & UART_MCR_LOOP) != 0;
}

/** The most urgent interrupt that is enabled, as in IIR. */
function source(uart: Uart): u32 {
  if ((uart.ier & UART_IER_RLSI) != 0 && uart.overrun != 0) return UART_IIR_RLSI;
  if ((uart.ier & UART_IER_RDI) != 0 && uart.inputCount > 0) {
    // Nothing more is under way when we look, so the time-out of a FIFO below its trigger has always passed.
    return uart.fifoEnabled == 0 || uart.inputCount >= uart.trigger ? UART_IIR_RDI : UART_IIR_RX_TIMEOUT;
  }
  if ((uart.ier & UART_IER_THRI) != 0 && uart.roomPending != 0) return UART_IIR_THRI;
  if ((uart.ier & UART_IER_MSI) != 0 && uart.modemDelta != 0) return UART_IIR_MSI;
  return UART_IIR_NO_INT;
}

function setLine(guest: Guest, uart: Uart): void {
  if (uart.line != 0) lines.set(guest, uart.line, source(uart) != UART_IIR_NO_INT);
}

/** Upper half of MSR: the other side is always ready, unless our own outputs are looped back. */
function modemLines(uart: Uart): u32 {
  if (!isLooped(uart)) return UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS;
  const mcr = uart.mcr;
  return ((mcr & UART_MCR_RTS) != 0 ? UART_MSR_CTS : 0) | ((mcr & UART_MCR_DTR) != 0 ? UART_MSR_DSR : 0) |
    ((mcr & UART_MCR_OUT1) != 0 ? UART_MSR_RI : 0) | ((mcr & UART_MCR_OUT2) != 0 ? UART_MSR_DCD : 0);
}

/** Notes which modem lines have changed. RI tells only its falling edge (TERI). */
function noteModem(uart: Uart, before: u32): void {
  const after = modemLines(uart);
  let changed = (before ^ after) & (UART_MSR_CTS | UART_MSR_DSR | UART_MSR_DCD);
  changed |= before & ~after & UART_MSR_RI;
  uart.modemDelta |= changed >> 4;
}

function putInput(uart: Uart, byte: u32): void {
  if (uart.inputCount >= capacity(uart)) {
    uart.overrun = UART_LSR_OE;
    return;
  }
  const at = uart.inputFirst + uart.inputCount & FIFO_SIZE - 1;
  store<u8>(changetype<usize>(uart) + at, byte, INPUT);
  uart.inputCount++;
}

function takeInput(guest: Guest, uart: Uart): u32 {
  if (uart.inputCount == 0) return 0;
  const byte: u32 = load<u8>(changetype<usize>(uart) + uart.inputFirst, INPUT);
  uart.inputFirst = uart.inputFirst + 1 & FIFO_SIZE - 1;
  uart.inputCount--;
  // A driver reads until DR falls: more input now saves it an interrupt for each 16 bytes of a paste.
  if (uart.inputCount == 0) pull(guest, uart);
  return byte;
}

/** Asks the host for as much input as the FIFO has room for; true if any came. */
function pull(guest: Guest, uart: Uart): bool {
  if (isLooped(uart)) return false;
  let got = false;
  // At most two runs, because the free part of the FIFO may wrap.
  for (let i = 0; i < 2; i++) {
    const room = capacity(uart) - min(uart.inputCount, capacity(uart));
    const at = uart.inputFirst + uart.inputCount & FIFO_SIZE - 1;
    const wanted = min(room, FIFO_SIZE - at);
    if (wanted == 0) break;
    const count = min(host.consoleRead(guest.id, uart.unit, changetype<usize>(uart) + INPUT + at, wanted), wanted);
    uart.inputCount += count;
    if (count > 0) got = true;
    if (count < wanted) break;
  }
  return got;
}

function putOutput(guest: Guest, uart: Uart, byte: u32): void {
  if (isLooped(uart)) {
    putInput(uart, byte);
    uart.roomPending = 1;
    return;
  }
  if (uart.outputCount == OUTPUT_SIZE) drain(guest, uart, false);
  // A guest that writes without looking at LSR.THRE loses what does not fit, as on any UART.
  if (uart.outputCount < OUTPUT_SIZE) {
    store<u8>(changetype<usize>(uart) + uart.outputCount, byte, OUTPUT);
    uart.outputCount++;
  }
  if (!isReady(uart)) drain(guest, uart, false);
  uart.roomPending = isReady(uart) ? 1 : 0;
}

/** Hands bytes to the host, at most so many as the limit lets through; how many it took. */
function hand(guest: Guest, uart: Uart, ptr: usize, length: u32, isLast: bool): u32 {
  const allowed = isLast ? length : limits.room(guest, LANE_CONSOLE, uart.slot, length);
  if (allowed == 0) return 0;
  const taken = min(host.consoleWrite(guest.id, uart.unit, ptr, allowed), allowed);
  limits.charge(guest, LANE_CONSOLE, uart.slot, taken, 0);
  trafficOf(guest).consoleBytes += taken;
  return taken;
}

/**
 * Hands the gathered output to the host; what it does not take, or the limit does not let through, stays, in order. Last words
 * pass whatever the limit says.
 */
function drain(guest: Guest, uart: Uart, isLast: bool): void {
  if (uart.outputCount == 0) return;
  const wasReady = isReady(uart);
  const ptr = changetype<usize>(uart) + OUTPUT;
  let taken = hand(guest, uart, ptr, uart.outputCount, isLast);
  // Until somebody says no: whoever is refused by the limit is looked after as soon as there is room.
  while (taken > 0) {
    uart.outputCount -= taken;
    if (uart.outputCount == 0) break;
    memory.copy(ptr, ptr + taken, uart.outputCount);
    taken = hand(guest, uart, ptr, uart.outputCount, isLast);
  }
  if (!wasReady && isReady(uart)) uart.roomPending = 1;
}

/** FCR bits 7 and 6: 1, 4, 8 or 14 bytes. */
function triggerOf(fcr: u32): u32 {
  switch (fcr >> 6 & 3) {
    case 0: return 1;
    case 1: return 4;
    case 2: return 8;
    default: return 14;
  }
}

/** Power-on state. Output that the host has not taken yet stays: it was sent before the reset. */
export function reset(uart: Uart): void {
  uart.ier = 0;
  uart.lcr = 0;
  uart.mcr = UART_MCR_OUT2;
  uart.scr = 0;
  uart.divisorLow = 0x0c;
  uart.divisorHigh = 0;
  uart.fifoEnabled = 0;
  uart.trigger = 1;
  uart.roomPending = 0;
  uart.overrun = 0;
  uart.modemDelta = 0;
  uart.inputFirst = 0;
  uart.inputCount = 0;
}

/** Answers a load: the register at this offset, whatever the width. */
export function read(guest: Guest, uart: Uart, offset: u64, _size: u32): u64 {
  let value: u32 = 0;
  const isDivisor = (uart.lcr & UART_LCR_DLAB) != 0;
  switch (<u32>offset) {
    case UART_RX:
      if (isDivisor) return uart.divisorLow;
      value = takeInput(guest, uart);
      break;
    case UART_IER: return isDivisor ? uart.divisorHigh : uart.ier;
    case UART_IIR:
      value = source(uart);
      if (value == UART_IIR_THRI) uart.roomPending = 0;
      if (uart.fifoEnabled != 0) value |= UART_IIR_FIFO_ENABLED;
      break;
    case UART_LCR: return uart.lcr;
    case UART_MCR: return uart.mcr;
    case UART_LSR:
      if (!isReady(uart)) drain(guest, uart, false);
      value = uart.overrun | (uart.inputCount > 0 ? UART_LSR_DR : 0) |
        (isReady(uart) ? UART_LSR_THRE | UART_LSR_TEMT : 0);
      uart.overrun = 0;
      break;
    case UART_MSR:
      value = modemLines(uart) | uart.modemDelta;
      uart.modemDelta = 0;
      break;
    case UART_SCR: return uart.scr;
    default: offend(guest);
  }
  setLine(guest, uart);
  return value;
}

/** Takes a store: the low byte goes to the register at this offset, whatever the width. */
export function write(guest: Guest, uart: Uart, offset: u64, _size: u32, value: u64): void {
  const byte = <u32>value & 0xff;
  const isDivisor = (uart.lcr & UART_LCR_DLAB) != 0;
  switch (<u32>offset) {
    case UART_RX:
      if (isDivisor) uart.divisorLow = byte;
      else putOutput(guest, uart, byte);
      break;
    case UART_IER:
      if (isDivisor) {
        uart.divisorHigh = byte;
      } else {
        // Switching THRI on asks "is there room?" anew; Linux's serial8250_THRE_test counts on the answer.
        if ((byte & ~uart.ier & UART_IER_THRI) != 0 && isReady(uart)) uart.roomPending = 1;
        uart.ier = byte & 0x0f;
      }
      break;
    case UART_IIR: { // FCR when written
      const enabled = byte & UART_FCR_ENABLE_FIFO;
      if ((byte & UART_FCR_CLEAR_RCVR) != 0 || enabled != uart.fifoEnabled) uart.inputCount = 0;
      uart.fifoEnabled = enabled;
      uart.trigger = triggerOf(byte);
      break;
    }
    case UART_LCR: uart.lcr = byte; break;
    case UART_MCR: {
      const before = modemLines(uart);
      uart.mcr = byte & 0x1f;
      noteModem(uart, before);
      break;
    }
    case UART_LSR:
    case UART_MSR: break; // read-only
    case UART_SCR: uart.scr = byte; break;
    default: offend(guest);
  }
  setLine(guest, uart);
}

/** Hands all output to the host, as far as it takes it. */
export function flush(guest: Guest, uart: Uart): void {
  drain(guest, uart, true);
  setLine(guest, uart);
}

/**
 * Writes bytes to the console beside the registers: firmware shares the port. What was written to the registers comes first.
 * How many were taken; see `isHeld` for the reason if it is not all.
 */
export function speak(guest: Guest, uart: Uart, ptr: usize, length: u32): u32 {
  drain(guest, uart, false);
  setLine(guest, uart);
  return uart.outputCount > 0 ? 0 : hand(guest, uart, ptr, length, false);
}

/** Does the limit of the guest's consoles hold output back? */
export function isHeld(guest: Guest, uart: Uart): bool {
  return limits.isHeld(guest, LANE_CONSOLE, uart.slot);
}

/** Moves output to the host and input from it; true if input came. */
export function poll(guest: Guest, uart: Uart): bool {
  drain(guest, uart, false);
  // Firmware that was refused asks again by itself.
  if (uart.outputCount == 0) limits.leave(guest, LANE_CONSOLE, uart.slot);
  const got = pull(guest, uart);
  setLine(guest, uart);
  return got;
}
