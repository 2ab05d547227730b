// The hinge: the one place where cpu/ and devices/ meet. A hart has stopped with EXIT_*; here it gets what it stopped for.

import { GUEST_RUNNING, STOP_DIVERGED, STOP_POWEROFF } from "../abi";
import { cpu } from "../cpu/access";
import { EXIT_ECALL, EXIT_DIVERGED, EXIT_LOAD, EXIT_NO_MEMORY, EXIT_STORE, EXIT_WFI, Hart } from "../cpu/hart";
import { completeLoad, refuseAccess } from "../cpu/run";
import * as bus from "../devices/bus";
import { Guest, offend } from "../guest/guest";
import * as bill from "./bill";
import * as due from "./due";
import * as harts from "./harts";
import * as starvation from "./memory/starvation";
import * as sbi from "./sbi/sbi";
import * as table from "./table";
import * as wire from "./wire";

function loadFrom(guest: Guest, hart: Hart): void {
  guest.mmio++;
  const device = bus.find(guest, hart.exitAddress);
  if (device) {
    completeLoad(hart, bus.read(guest, device, hart.exitAddress - device.base, hart.exitSize));
  } else {
    offend(guest);
    refuseAccess(hart, false);
  }
}

function storeTo(guest: Guest, hart: Hart): void {
  guest.mmio++;
  const device = bus.find(guest, hart.exitAddress);
  if (device) {
    bus.write(guest, device, hart.exitAddress - device.base, hart.exitSize, hart.exitValue);
  } else {
    offend(guest);
    refuseAccess(hart, true);
  }
}

/** The driver of a network device has told us something: its frames go at once, as far as they can. */
function send(guest: Guest): void {
  const again = wire.pump(guest);
  if (again < due.at(guest.id)) due.set(guest, again);
}

/**
 * Gives the hart what it stopped for, and the bill to its guest. In wfi, or after a change of a timer, it needs nothing. Other
 * harts that this wakes become ready. The guest's lock is held.
 */
export function handle(guest: Guest, hart: Hart, reason: u32): void {
  switch (reason) {
    case EXIT_LOAD:
      loadFrom(guest, hart);
      bill.toDevices(guest);
      break;
    case EXIT_STORE:
      storeTo(guest, hart);
      if (wire.isWanted(guest)) send(guest);
      bill.toDevices(guest);
      break;
    case EXIT_ECALL:
      sbi.call(guest, hart);
      bill.toKernel(guest);
      break;
    case EXIT_DIVERGED:
      guest.stop = STOP_DIVERGED;
      guest.divergedOn = cpu;
      break;
    case EXIT_NO_MEMORY:
      starvation.hold(hart);
      break;
  }
  settle(guest);
  if (guest.harts > 1 && guest.state == GUEST_RUNNING && reason != EXIT_WFI) {
    bus.refresh(guest);
    harts.rouse(guest, bill.now());
  }
}

/** Acts on the notes that a guest's devices and calls have left: it is over, or goes on. */
export function settle(guest: Guest): void {
  if (guest.stop != 0) {
    table.end(guest, guest.stop, guest.stopCode);
  } else if (guest.resetAsked != 0) {
    // The images have been overwritten by the system they became, and only the host has them: so a reset ends the run, as
    // `qemu -no-reboot` does, and the host may define the guest anew. The code tells it which reset was asked for.
    table.end(guest, STOP_POWEROFF, guest.resetAsked);
  }
}
