// The device tree of a guest: what the board looks like, for firmware and kernel to read.
// Node names, addresses and interrupt numbers are those of QEMU's `virt` board, so that what boots there finds its way here.

import { BOOT_FIRMWARE } from "../abi";
import {
  DEVICE_ACLINT, DEVICE_PLIC, DEVICE_POWER, DEVICE_RTC, DEVICE_UART, Device, deviceAt,
} from "../devices/device";
import { Guest, RAM_BASE } from "../guest/guest";
import * as host from "../host";
import * as fdt from "./fdt";
import { commandLine, papersOf } from "./papers";
import { TICK_HZ } from "./timers";

/** What the harts implement: `riscv,isa-extensions` and `riscv,isa` are both made from these lists. */
const LETTERS = "i\0m\0a\0f\0d\0c";
const UNPRIVILEGED =
  "zicbom\0zicbop\0zicboz\0zicntr\0zicond\0zicsr\0zifencei\0zihintpause\0zawrs\0zfa\0zfhmin\0zba\0zbb\0zbc\0zbs";
const PRIVILEGED = "sstc\0svadu\0svinval\0svnapot\0svpbmt\0svvptc";

/** Block of the cache-management instructions in bytes: the line size Linux takes for granted. */
const CACHE_BLOCK: u32 = 64;
/** Input clock of the UART: 115200 baud x 16 x 2, as on QEMU's board. */
const UART_HZ: u32 = 3686400;
/** Interrupt sources of the PLIC: lines 1 … 63. */
const PLIC_SOURCES: u32 = 63;

// Words of the SiFive test device (devices/power.ts) that the syscon drivers write.
const TEST_POWEROFF: u32 = 0x5555;
const TEST_RESET: u32 = 0x7777;

// Interrupts of a hart, as in mip.
const MACHINE_SOFTWARE: u32 = 3;
const MACHINE_TIMER: u32 = 7;
const SUPERVISOR_EXTERNAL: u32 = 9;
const MACHINE_EXTERNAL: u32 = 11;

// Phandles: the interrupt controller of hart h is 1 + h.
const PHANDLE_PLIC: u32 = 32;
const PHANDLE_POWER: u32 = 33;

const RNG_SEED_BYTES: u32 = 32;
const UNDERSCORE: u32 = 0x5f;

/** Writes the tree of a guest into `buffer` (fdt.BUFFER_SIZE bytes); gives its size. */
export function describe(guest: Guest, buffer: usize): u32 {
  fdt.open(buffer);
  fdt.cell("#address-cells", 2);
  fdt.cell("#size-cells", 2);
  fdt.text("compatible", "orlop,virt\0riscv-virtio");
  fdt.text("model", "orlop,virt");
  chosen(guest);
  fdt.enter("aliases");
  fdt.text("serial0", "/soc/serial@10000000");
  fdt.leave();
  fdt.enterAt("memory", RAM_BASE);
  fdt.text("device_type", "memory");
  fdt.reg(RAM_BASE, guest.ramPages << 12);
  fdt.leave();
  cpus(guest);
  syscon("poweroff", "syscon-poweroff", TEST_POWEROFF);
  syscon("reboot", "syscon-reboot", TEST_RESET);
  soc(guest);
  return fdt.close(0);
}

/** splitmix64: stretches a seed of 64 bits, so that a run with a given seed can be repeated. */
function mixed(seed: u64, n: u32): u64 {
  let z = seed + <u64>(n + 1) * 0x9e37_79b9_7f4a_7c15;
  z = (z ^ z >> 30) * 0xbf58_476d_1ce4_e5b9;
  z = (z ^ z >> 27) * 0x94d0_49bb_1331_11eb;
  return z ^ z >> 31;
}

function chosen(guest: Guest): void {
  const papers = papersOf(guest);
  fdt.enter("chosen");
  if (papers.commandLineBytes != 0) {
    fdt.property("bootargs");
    fdt.addBytes(commandLine(guest), papers.commandLineBytes + 1);
  }
  fdt.text("stdout-path", "/soc/serial@10000000");
  if (papers.initrdBase != 0) {
    fdt.long("linux,initrd-start", papers.initrdBase);
    fdt.long("linux,initrd-end", papers.initrdBase + papers.initrdBytes);
  }
  fdt.property("rng-seed");
  addRandom(papers.seed, 0, RNG_SEED_BYTES);
  fdt.property("kaslr-seed");
  addRandom(papers.seed, RNG_SEED_BYTES, 8);
  fdt.leave();
}

/** Random bytes: from the caller's seed where there is one, or else from the machine's entropy. */
function addRandom(seed: u64, first: u32, length: u32): void {
  const room = fdt.addRoom(length);
  if (seed == 0) host.entropy(room, length);
  else for (let i: u32 = 0; i < length; i += 8) store<u64>(room + i, mixed(seed, first + i));
}

function cpus(guest: Guest): void {
  fdt.enter("cpus");
  fdt.cell("#address-cells", 1);
  fdt.cell("#size-cells", 0);
  fdt.cell("timebase-frequency", TICK_HZ);
  for (let i: u32 = 0; i < guest.harts; i++) cpu(i);
  fdt.leave();
}

function cpu(i: u32): void {
  fdt.enterAt("cpu", i);
  fdt.text("device_type", "cpu");
  fdt.cell("reg", i);
  fdt.text("status", "okay");
  fdt.text("compatible", "riscv");
  // Linux 6.12 and OpenSBI ask for the list, older ones for the string; Debian's kernel wants the base beside the list.
  fdt.text("riscv,isa-base", "rv64i");
  fdt.property("riscv,isa-extensions");
  fdt.addText(LETTERS);
  fdt.addText(UNPRIVILEGED);
  fdt.addText(PRIVILEGED);
  // `rv64imafdc_zicbom_…`: letters stand together, names each behind an underscore.
  fdt.property("riscv,isa");
  fdt.addCharacters("rv64");
  addJoined(LETTERS, 0);
  fdt.addCharacter(UNDERSCORE);
  addJoined(UNPRIVILEGED, UNDERSCORE);
  fdt.addCharacter(UNDERSCORE);
  addJoined(PRIVILEGED, UNDERSCORE);
  fdt.addCharacter(0);
  fdt.text("mmu-type", "riscv,sv57");
  fdt.cell("riscv,cbom-block-size", CACHE_BLOCK);
  fdt.cell("riscv,cbop-block-size", CACHE_BLOCK);
  fdt.cell("riscv,cboz-block-size", CACHE_BLOCK);
  fdt.enter("interrupt-controller");
  fdt.cell("#address-cells", 0);
  fdt.cell("#interrupt-cells", 1);
  fdt.property("interrupt-controller");
  fdt.text("compatible", "riscv,cpu-intc");
  fdt.cell("phandle", 1 + i);
  fdt.leave();
  fdt.leave();
}

/** The texts of a list with `separator` between them, or with nothing if that is 0. */
function addJoined(list: string, separator: u32): void {
  for (let i = 0, n = list.length; i < n; i++) {
    const code = list.charCodeAt(i);
    if (code != 0) fdt.addCharacter(code);
    else if (separator != 0) fdt.addCharacter(separator);
  }
}

function syscon(name: string, compatible: string, value: u32): void {
  fdt.enter(name);
  fdt.text("compatible", compatible);
  fdt.cell("regmap", PHANDLE_POWER);
  fdt.cell("offset", 0);
  fdt.cell("value", value);
  fdt.leave();
}

function soc(guest: Guest): void {
  fdt.enter("soc");
  fdt.cell("#address-cells", 2);
  fdt.cell("#size-cells", 2);
  fdt.text("compatible", "simple-bus");
  fdt.property("ranges");
  for (let slot: u32 = 0; slot < guest.devices; slot++) node(guest, deviceAt(guest, slot));
  fdt.leave();
}

function node(guest: Guest, device: Device): void {
  switch (device.kind) {
    case DEVICE_PLIC:
      fdt.enterAt("interrupt-controller", device.base);
      fdt.reg(device.base, device.size);
      fdt.text("compatible", "sifive,plic-1.0.0\0riscv,plic0");
      fdt.cell("#interrupt-cells", 1);
      fdt.cell("#address-cells", 0);
      fdt.property("interrupt-controller");
      fdt.cell("riscv,ndev", PLIC_SOURCES);
      wiring(guest, MACHINE_EXTERNAL, SUPERVISOR_EXTERNAL);
      fdt.cell("phandle", PHANDLE_PLIC);
      break;
    case DEVICE_ACLINT:
      assert(guest.boot == BOOT_FIRMWARE);
      fdt.enterAt("clint", device.base);
      fdt.reg(device.base, device.size);
      fdt.text("compatible", "sifive,clint0\0riscv,clint0");
      wiring(guest, MACHINE_SOFTWARE, MACHINE_TIMER);
      break;
    case DEVICE_UART:
      fdt.enterAt("serial", device.base);
      fdt.reg(device.base, device.size);
      fdt.text("compatible", "ns16550a");
      fdt.cell("clock-frequency", UART_HZ);
      interrupt(device);
      break;
    case DEVICE_RTC:
      fdt.enterAt("rtc", device.base);
      fdt.reg(device.base, device.size);
      fdt.text("compatible", "google,goldfish-rtc");
      interrupt(device);
      break;
    case DEVICE_POWER:
      fdt.enterAt("test", device.base);
      fdt.reg(device.base, device.size);
      fdt.text("compatible", "sifive,test1\0sifive,test0\0syscon");
      fdt.cell("phandle", PHANDLE_POWER);
      break;
    default:
      fdt.enterAt("virtio_mmio", device.base);
      fdt.reg(device.base, device.size);
      fdt.text("compatible", "virtio,mmio");
      interrupt(device);
  }
  fdt.leave();
}

function interrupt(device: Device): void {
  fdt.cell("interrupts", device.line);
  fdt.cell("interrupt-parent", PHANDLE_PLIC);
}

/** Which two interrupts of each hart a controller drives, in the order of its contexts. */
function wiring(guest: Guest, first: u32, second: u32): void {
  fdt.property("interrupts-extended");
  for (let i: u32 = 0; i < guest.harts; i++) {
    fdt.addCell(1 + i);
    fdt.addCell(first);
    fdt.addCell(1 + i);
    fdt.addCell(second);
  }
}
