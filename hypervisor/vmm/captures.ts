// Captures: which ports send copies of what passes them to an uplink of their own.

import { E_BAD_ARG, E_BAD_ID, E_BUSY, GUEST_NONE, MAX_GUESTS, MAX_NETS, NETPORT_UPLINK, NO_UPLINK, OK } from "../abi";
import { acquire, guestAt, release } from "../guest/guest";
import { has, networkAt } from "../net/network";
import { NO_PORT, Port, hasCables, nicPort, uplinkPort } from "../net/port";
import * as uplinks from "../net/uplink";
import { UPLINK_CAPTURE, UPLINK_FREE, uplinkAt } from "../net/uplink";

/**
 * Captures a guest's network device, or (NETPORT_UPLINK) the uplink of network `index`, to an uplink that is free; NO_UPLINK ends
 * that. E_BUSY: it is captured.
 */
export function capture(id: u32, index: u32, uplink: u32): i32 {
  if (id == <u32>NETPORT_UPLINK) return captureUplink(index, uplink);
  if (id >= <u32>MAX_GUESTS || (guestAt(id).state == GUEST_NONE && !hasCables(id))) return E_BAD_ID;
  if (index >= <u32>MAX_NETS || nicPort(id, index).exists == 0) return E_BAD_ARG;
  const guest = guestAt(id);
  acquire(guest);
  const code = change(nicPort(id, index), uplink);
  release(guest);
  return code;
}

function captureUplink(id: u32, uplink: u32): i32 {
  if (!has(id)) return E_BAD_ID;
  return uplinks.isUplink(networkAt(id).uplink) ? change(uplinkPort(id), uplink) : E_BAD_ARG;
}

/** Who copies reads the number once, and an uplink that was closed meanwhile takes nothing. */
function change(port: Port, uplink: u32): i32 {
  const before = port.capture;
  if (uplink != NO_UPLINK) {
    if (!uplinks.isUplink(uplink)) return E_BAD_ARG;
    if (before != NO_UPLINK || uplinkAt(uplink).use != UPLINK_FREE) return E_BUSY;
    uplinks.open(uplink, UPLINK_CAPTURE, port.network, NO_PORT);
  }
  port.capture = uplink;
  if (uplink == NO_UPLINK && before != NO_UPLINK) uplinks.close(before);
  return OK;
}

/** A port goes. */
export function end(port: Port): void {
  if (port.capture != NO_UPLINK) uplinks.close(port.capture);
  port.capture = NO_UPLINK;
}
