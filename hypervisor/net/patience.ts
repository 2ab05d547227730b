// How long a port that has no room may hold up those who have frames for it, and how many group frames one may send: accounts
// that are used up and fill slowly.
//
// A port that takes frames in good time makes others wait, and nothing is lost. One that takes few or none uses its patience up; then
// frames to it are dropped at once, and it holds up others for no more than a small part of their time.

import { Network } from "./network";
import { Port } from "./port";

/** Most that a port has, ns of holding. */
const MOST_NS: f64 = 100_000_000;
/**
 * What comes back while time goes by, and for each frame that the port takes, and each byte of it: who takes ten thousand frames
 * a second, or a gigabit, may make others wait all the time; who takes less is slower than they need to be.
 */
const REFILL: f64 = 0.05;
const FRAME_NS: f64 = 100_000;
const BYTE_NS: f64 = 8;

/** Longest time between two looks of somebody who waits. */
const LOOK_NS: f64 = 2_000_000;

/** Broadcasts and multicasts a second if the network does not say; what may come at once, in seconds. */
const GROUPS: f64 = 1000;
const GROUPS_BURST_S: f64 = 0.25;
const NS_IN_S: f64 = 1e9;

function fill(port: Port, now: f64): void {
  const ns = port.patienceAt == 0 ? MOST_NS : max(0, now - port.patienceAt) * REFILL;
  port.patience = min(MOST_NS, port.patience + ns);
  port.patienceAt = now;
}

/** The port has no room: shall who has a frame for it wait? False: the frame is to be dropped. */
export function mayHold(port: Port, now: f64): bool {
  fill(port, now);
  // Who waits looks again soon. Who does not has gone, and was not held up any longer.
  if (port.heldAt != 0) port.patience -= min(LOOK_NS, max(0, now - port.heldAt));
  port.heldAt = port.patience > 0 ? now : 0;
  if (port.patience < 0) port.patience = 0;
  return port.heldAt != 0;
}

/** The port has taken a frame of so many bytes. */
export function reward(port: Port, bytes: u32, now: f64): void {
  if (port.heldAt == 0 && port.patience >= MOST_NS) return;
  if (port.heldAt != 0) mayHold(port, now);
  port.heldAt = 0;
  port.patience = min(MOST_NS, port.patience + FRAME_NS + <f64>bytes * BYTE_NS);
}

/** May the port send one more group frame? */
export function mayFlood(network: Network, port: Port, now: f64): bool {
  const rate = network.broadcasts != 0 ? <f64>network.broadcasts : GROUPS;
  const most = max(1, rate * GROUPS_BURST_S);
  port.groups = port.groupsAt == 0 ? most : min(most, port.groups + max(0, now - port.groupsAt) * rate / NS_IN_S);
  port.groupsAt = now;
  if (port.groups < 1) return false;
  port.groups -= 1;
  return true;
}
