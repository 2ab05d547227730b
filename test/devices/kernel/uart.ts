// The serial port as Linux's 8250 driver uses it.

import * as bus from "../../../hypervisor/devices/bus";
import { DEVICE_UART, Device } from "../../../hypervisor/devices/device";
import { Guest } from "../../../hypervisor/guest/guest";
import * as lines from "../../../hypervisor/guest/lines";
import { add, makeGuest } from "../../support/kernel/driver";
import { consoleByte, consoleLength, consoleTakes, typeIn } from "../../support/kernel/outside";

const RBR: u64 = 0;
const IER: u64 = 1;
const IIR: u64 = 2;
const FCR: u64 = 2;
const LCR: u64 = 3;
const MCR: u64 = 4;
const LSR: u64 = 5;
const MSR: u64 = 6;
const SCR: u64 = 7;

function get(guest: Guest, uart: Device, register: u64): u32 {
  return <u32>bus.read(guest, uart, register, 1);
}

function set(guest: Guest, uart: Device, register: u64, value: u32): void {
  bus.write(guest, uart, register, 1, value);
}

/** Types the bytes first, first + 1, … */
function type(first: u32, count: u32): void {
  const ptr = memory.data(256);
  for (let i: u32 = 0; i < count; i++) store<u8>(ptr + i, first + i);
  typeIn(0, ptr, count);
}

export function uart_hands_output_to_the_host_when_it_is_polled(): void {
  const guest = makeGuest(0);
  const uart = add(guest, DEVICE_UART, 0);
  set(guest, uart, RBR, 0x48);
  set(guest, uart, RBR, 0x69);
  assert(consoleLength(0) == 0, "single bytes are gathered");
  assert((get(guest, uart, LSR) & 0x60) == 0x60);
  assert(!bus.poll(guest));
  assert(consoleLength(0) == 2);
  assert(consoleByte(0, 0) == 0x48);
  assert(consoleByte(0, 1) == 0x69);
}

export function uart_flushes_its_last_words(): void {
  const guest = makeGuest(0);
  const uart = add(guest, DEVICE_UART, 0);
  set(guest, uart, RBR, 0x21);
  bus.flush(guest);
  assert(consoleLength(0) == 1);
}

export function uart_does_not_wait_for_a_poll_when_its_buffer_is_full(): void {
  const guest = makeGuest(0);
  const uart = add(guest, DEVICE_UART, 0);
  for (let i: u32 = 0; i < 100_000; i++) {
    assert((get(guest, uart, LSR) & 0x20) != 0);
    set(guest, uart, RBR, i);
  }
  bus.flush(guest);
  assert(consoleLength(0) == 100_000);
  for (let i: u32 = 0; i < 100_000; i++) assert(consoleByte(0, i) == (i & 0xff));
}

export function uart_loses_nothing_when_the_host_is_slow(): void {
  const guest = makeGuest(0);
  const uart = add(guest, DEVICE_UART, 0);
  set(guest, uart, FCR, 1);
  consoleTakes(100);
  // A driver that looks at THRE once for each load of the FIFO, as Linux does.
  let sent: u32 = 0;
  while ((get(guest, uart, LSR) & 0x20) != 0) {
    for (let i = 0; i < 16; i++) set(guest, uart, RBR, sent++);
    assert(sent < 10_000);
  }
  assert(consoleLength(0) == 100);
  assert((get(guest, uart, LSR) & 0x60) == 0);
  consoleTakes(7);
  assert((get(guest, uart, LSR) & 0x20) == 0, "no room for a full FIFO yet");
  consoleTakes(0xffff_ffff);
  assert((get(guest, uart, LSR) & 0x60) == 0x60);
  bus.flush(guest);
  assert(consoleLength(0) == sent);
  for (let i: u32 = 0; i < sent; i++) assert(consoleByte(0, i) == (i & 0xff));
}

export function uart_interrupts_when_there_is_room_again(): void {
  const guest = makeGuest(0);
  const uart = add(guest, DEVICE_UART, 0);
  set(guest, uart, FCR, 1);
  consoleTakes(0);
  while ((get(guest, uart, LSR) & 0x20) != 0) set(guest, uart, RBR, 0x2e);
  set(guest, uart, IER, 2);
  assert(!lines.isHigh(guest, uart.line));
  assert(get(guest, uart, IIR) == 0xc1);
  consoleTakes(0xffff_ffff);
  bus.poll(guest);
  assert(lines.isHigh(guest, uart.line));
  assert(get(guest, uart, IIR) == 0xc2);
}

export function uart_asks_for_data_anew_each_time_thri_is_enabled(): void {
  const guest = makeGuest(0);
  const uart = add(guest, DEVICE_UART, 0);
  for (let i = 0; i < 2; i++) {
    set(guest, uart, IER, 2);
    assert(lines.isHigh(guest, uart.line));
    assert(get(guest, uart, IIR) == 2);
    assert(get(guest, uart, IIR) == 1, "reading IIR takes the request back");
    assert(!lines.isHigh(guest, uart.line));
    set(guest, uart, IER, 0);
  }
}

export function uart_interrupts_after_each_load_of_output(): void {
  const guest = makeGuest(0);
  const uart = add(guest, DEVICE_UART, 0);
  set(guest, uart, IER, 2);
  get(guest, uart, IIR);
  set(guest, uart, RBR, 0x61);
  assert(lines.isHigh(guest, uart.line));
  assert(get(guest, uart, IIR) == 2);
}

export function uart_gives_input_in_order_and_interrupts(): void {
  const guest = makeGuest(0);
  const uart = add(guest, DEVICE_UART, 0);
  set(guest, uart, FCR, 1);
  set(guest, uart, IER, 1);
  type(0x30, 3);
  assert(bus.poll(guest));
  assert(lines.isHigh(guest, uart.line));
  assert(get(guest, uart, IIR) == 0xc4);
  for (let i: u32 = 0; i < 3; i++) {
    assert((get(guest, uart, LSR) & 1) == 1);
    assert(get(guest, uart, RBR) == 0x30 + i);
  }
  assert((get(guest, uart, LSR) & 1) == 0);
  assert(!lines.isHigh(guest, uart.line));
  assert(!bus.poll(guest));
}

export function uart_times_out_below_the_trigger(): void {
  const guest = makeGuest(0);
  const uart = add(guest, DEVICE_UART, 0);
  set(guest, uart, FCR, 0x81);
  set(guest, uart, IER, 1);
  type(0x30, 7);
  bus.poll(guest);
  assert(get(guest, uart, IIR) == 0xcc);
  type(0x40, 1);
  bus.poll(guest);
  assert(get(guest, uart, IIR) == 0xc4);
}

export function uart_takes_a_long_paste_without_loss(): void {
  const guest = makeGuest(0);
  const uart = add(guest, DEVICE_UART, 0);
  set(guest, uart, FCR, 1);
  type(0, 200);
  let got: u32 = 0;
  while (bus.poll(guest) || (get(guest, uart, LSR) & 1) != 0) {
    // Odd steps, so that the FIFO is left half full and wraps.
    for (let i = 0; i < 5 && (get(guest, uart, LSR) & 1) != 0; i++) assert(get(guest, uart, RBR) == got++);
  }
  assert(got == 200);
  assert((get(guest, uart, LSR) & 2) == 0);
}

export function uart_takes_one_byte_at_a_time_without_its_fifo(): void {
  const guest = makeGuest(0);
  const uart = add(guest, DEVICE_UART, 0);
  type(0x61, 2);
  bus.poll(guest);
  set(guest, uart, IER, 1);
  assert(get(guest, uart, IIR) == 4);
  assert(get(guest, uart, RBR) == 0x61);
  assert(get(guest, uart, RBR) == 0x62);
  assert(get(guest, uart, RBR) == 0);
}

export function uart_empties_its_input_when_told(): void {
  const guest = makeGuest(0);
  const uart = add(guest, DEVICE_UART, 0);
  set(guest, uart, FCR, 1);
  type(0x61, 4);
  bus.poll(guest);
  set(guest, uart, FCR, 3);
  assert((get(guest, uart, LSR) & 1) == 0);
}

export function uart_loops_back_for_the_test_of_the_driver(): void {
  const guest = makeGuest(0);
  const uart = add(guest, DEVICE_UART, 0);
  set(guest, uart, MCR, 0x1a);
  assert((get(guest, uart, MSR) & 0xf0) == 0x90, "Linux's autoconfig asks exactly this");
  set(guest, uart, FCR, 1);
  for (let i: u32 = 0; i < 17; i++) set(guest, uart, RBR, i);
  assert((get(guest, uart, LSR) & 3) == 3, "the seventeenth byte is an overrun");
  assert((get(guest, uart, LSR) & 2) == 0);
  for (let i: u32 = 0; i < 16; i++) assert(get(guest, uart, RBR) == i);
  bus.flush(guest);
  assert(consoleLength(0) == 0);
}

export function uart_tells_changes_of_the_modem_lines_once(): void {
  const guest = makeGuest(0);
  const uart = add(guest, DEVICE_UART, 0);
  assert(get(guest, uart, MSR) == 0xb0);
  set(guest, uart, IER, 8);
  set(guest, uart, MCR, 0x10);
  assert(lines.isHigh(guest, uart.line));
  assert(get(guest, uart, IIR) == 0);
  assert(get(guest, uart, MSR) == 0x0b);
  assert(get(guest, uart, MSR) == 0);
  assert(!lines.isHigh(guest, uart.line));
}

export function uart_keeps_divisor_and_scratch(): void {
  const guest = makeGuest(0);
  const uart = add(guest, DEVICE_UART, 0);
  set(guest, uart, LCR, 0x83);
  set(guest, uart, RBR, 0x12);
  set(guest, uart, IER, 0x34);
  assert(get(guest, uart, RBR) == 0x12);
  assert(get(guest, uart, IER) == 0x34);
  set(guest, uart, LCR, 0x03);
  assert(get(guest, uart, IER) == 0);
  set(guest, uart, SCR, 0xa5);
  assert(get(guest, uart, SCR) == 0xa5);
  assert(get(guest, uart, LCR) == 3);
  assert(guest.offences == 0);
  assert(get(guest, uart, 8) == 0);
  assert(guest.offences == 1);
}
