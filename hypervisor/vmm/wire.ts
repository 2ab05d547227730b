// The wire: moves frames from guests' rings and from uplinks to where their network says.
//
//   notify of a transmit queue   exits -> pump       as soon as the driver tells
//   what waits                   service -> pump     for room, for a lock, for a limit
//   frames from outside          service -> receive  when the host announces them
//
// A frame that has to wait stays where it is, in its sender's ring or on its uplink's stage. Who waits for a guest's room is
// served by that guest when it has some.

import { GUEST_RUNNING, MAX_NETS, MAX_UPLINKS } from "../abi";
import { Cpu } from "../core/cpus";
import * as lock from "../core/lock";
import * as mailbox from "../core/mailbox";
import { DEVICE_VIRTIO_NET, deviceAt } from "../devices/device";
import { Frame } from "../devices/frame";
import * as nic from "../devices/virtio/net";
import { Net } from "../devices/virtio/net";
import { Guest, guestAt } from "../guest/guest";
import * as capture from "../net/capture";
import * as desk from "../net/desk";
import { Network, isNat, networkAt } from "../net/network";
import { Packet } from "../net/packet";
import { NO_PORT, Port, clearExpected, countIn, gatewayPort, isExpected, isNic, nicPort, portAt, takeWaiters, takeWaitingNetworks } from "../net/port";
import * as fabric from "../net/switch";
import { EVERYBODY } from "../net/switch";
import * as uplinks from "../net/uplink";
import { UPLINK_CABLE, UPLINK_NETWORK, Uplink, uplinkAt } from "../net/uplink";
import * as bill from "./bill";
import * as due from "./due";
import * as gate from "./gate";
import * as delivery from "./delivery";
import { DROPPED, SENT, WAITS_FOR_LOCK, WAITS_FOR_ROOM } from "./delivery";
import * as peer from "./peer";

/** At most so much is moved for one device, or one uplink, before others have their turn. */
const TURN_FRAMES: u32 = 64;
const TURN_BYTES: u32 = 512 << 10;
/** Who waits for room looks again after so long, and each time after twice as long, up to RETRY_MOST_NS. */
const RETRY_NS: f64 = 50_000;
const RETRY_DOUBLINGS: u32 = 5;
/** Uplinks are looked at so often even if nobody announces anything. */
const LOOK_NS: f64 = 100_000_000;

/** host.now() at which the guest at hand has something to send again; 0: at once. */
let again: f64 = Infinity;
/** When this worker last looked at all uplinks. */
let lookedAt: f64 = 0;

/** Which port of its network a network device is; null: none, before its guest is whole. */
function portOf(guest: Guest, slot: u32): Port | null {
  for (let i: u32 = 0; i < <u32>MAX_NETS; i++) {
    const port = nicPort(guest.id, i);
    if (port.exists != 0 && port.slot == slot) return port;
  }
  return null;
}

/** One frame from a port through its network. */
function carry(network: Network, port: Port, frame: Frame, packet: Packet): u32 {
  const now = bill.now();
  if (port.link == 0 || !fabric.enter(network, port, frame, packet, now)) return DROPPED;
  const bytes = frame.bytes;
  return count(port, bytes, forward(network, port, frame, packet, now));
}

/** Through the gateway of its network, if it has one and the frame is for that; or through the switch. */
function forward(network: Network, port: Port, frame: Frame, packet: Packet, now: f64): u32 {
  const where = fabric.route(network, port, frame, now);
  if (where == NO_PORT) return DROPPED;
  if (isNat(network) && fabric.vlan() == 0) {
    const isForAll = where == EVERYBODY;
    if (where == gatewayPort(network.id).number || (isForAll && port.waits == 0)) {
      const fate = gate.fromInside(network, port, frame, packet, isForAll);
      if (fate != gate.NOT_MINE) return fate;
    }
  }
  return delivery.deliver(network, port, port, where, frame, packet);
}

/** Counts a frame that need not wait any more. */
function count(port: Port, bytes: u32, fate: u32): u32 {
  if (fate == SENT || fate == DROPPED) {
    countIn(port, bytes);
  }
  return fate;
}

/** The oldest frame of a port need not wait any more. */
function settle(port: Port): void {
  port.waits = 0;
  port.portsDone = 0;
  port.piecesDone = 0;
}

/** When a port whose frame waits is to be looked at again. */
function retryAt(port: Port, fate: u32): f64 {
  if (fate == WAITS_FOR_LOCK) return 0;
  const at = bill.now() + RETRY_NS * <f64>(1 << min(port.waits, RETRY_DOUBLINGS));
  port.waits++;
  return at;
}

/** Sends what a network device has waiting; true: something is left. */
function send(guest: Guest, net: Net, port: Port): bool {
  const network = networkAt(port.network);
  const packet = desk.packet();
  let isLeft = false;
  let bytes: u32 = 0;
  for (let left = TURN_FRAMES; ; left--) {
    if (left == 0 || bytes > TURN_BYTES) {
      again = 0;
      isLeft = true;
      break;
    }
    const frame = desk.clear();
    if (!nic.peekFrame(guest, net, frame)) break;
    bytes += frame.bytes;
    // As it is sent: who carries it changes it. Once, however often it has to wait.
    if (port.waits == 0 && capture.isCaptured(port) && delivery.gather(frame)) capture.copy(port, frame);
    const fate = carry(network, port, frame, packet);
    if (fate == WAITS_FOR_LOCK || fate == WAITS_FOR_ROOM) {
      again = min(again, retryAt(port, fate));
      if (port.waits == 0) port.waits = 1;
      isLeft = true;
      break;
    }
    settle(port);
    nic.takeFrame(guest, net, fate == SENT);
  }
  nic.endSend(guest, net);
  again = min(again, nic.signalAt(net));
  return isLeft;
}

/** Sends what waits in a guest's rings. Its lock is held. */
function work(guest: Guest): void {
  const slots = guest.sends;
  guest.sends = 0;
  for (let rest = slots; rest != 0; rest &= rest - 1) {
    const slot = ctz(rest);
    const device = deviceAt(guest, slot);
    if (slot >= guest.devices || device.kind != <u32>DEVICE_VIRTIO_NET) continue;
    const port = portOf(guest, slot);
    if (port && send(guest, changetype<Net>(device), port)) guest.sends |= 1 << slot;
  }
}

/** Sends what waits in another guest's rings for the one at hand. Both locks are held, and no other is taken. */
function workFor(guest: Guest): void {
  const mine = again;
  again = Infinity;
  peer.fix(true);
  work(guest);
  bill.toDevices(guest);
  peer.fix(false);
  if (again < due.at(guest.id)) due.set(guest, again);
  again = mine;
}

/** Lets those who wait for room in this guest's devices send now, if there is some. */
function callIn(guest: Guest): void {
  clearExpected(guest.id);
  for (let i: u32 = 0; i < <u32>MAX_NETS; i++) {
    const port = nicPort(guest.id, i);
    if (port.exists == 0) continue;
    for (let bits = takeWaiters(port); bits != 0; bits &= bits - 1) {
      const id = <u32>ctz(bits);
      if (id == guest.id) continue;
      if (peer.hold(id)) {
        if (guestAt(id).state == GUEST_RUNNING) workFor(guestAt(id));
      } else {
        mailbox.announce(id);
      }
    }
    for (let bits = takeWaitingNetworks(port); bits != 0; bits &= bits - 1) callUplink(<u32>ctz(bits));
  }
}

function callUplink(network: u32): void {
  const number = networkAt(network).uplink;
  if (!uplinks.isUplink(number)) return;
  uplinkAt(number).again = 0;
  mailbox.announceUplink(number);
}

/** Is there anything to do for a guest whose driver has told us something? */
export function isWanted(guest: Guest): bool {
  return guest.sends != 0 || isExpected(guest.id);
}

/**
 * Sends what waits in a guest's rings, and what waits elsewhere for room in it. Its lock is held, and another guest's may be
 * taken for a while. host.now() at which this is to be done again; infinite: when there is something new.
 */
export function pump(guest: Guest): f64 {
  again = Infinity;
  peer.begin(guest.id, 0);
  if (guest.sends != 0) work(guest);
  const other = peer.another();
  if (other != peer.NOBODY && guestAt(other).sends != 0 && guestAt(other).state == GUEST_RUNNING) {
    bill.toDevices(guest);
    workFor(guestAt(other));
  }
  if (isExpected(guest.id)) {
    bill.toDevices(guest);
    callIn(guest);
  }
  peer.end();
  return again;
}

/** Do frames come in by it? */
function leadsIn(uplink: Uplink): bool {
  return uplink.use == UPLINK_NETWORK || uplink.use == UPLINK_CABLE;
}

/** Takes the frames that wait at an uplink, as far as there is room for them. Billed to the guests that get them. */
function receive(number: u32, cpu: Cpu): void {
  const uplink = uplinkAt(number);
  if (!leadsIn(uplink)) return;
  if (!lock.tryAcquire(changetype<usize>(uplink))) {
    mailbox.announceUplink(number);
    return;
  }
  peer.begin(peer.NOBODY, changetype<usize>(cpu));
  let left = TURN_FRAMES;
  let bytes: u32 = 0;
  while (leadsIn(uplink) && uplinks.fetch(number)) {
    if (left-- == 0 || bytes > TURN_BYTES) {
      mailbox.announceUplink(number);
      break;
    }
    bytes += uplink.staged;
    if (!take(uplink, number)) break;
    uplink.staged = 0;
  }
  peer.end();
  lock.release(changetype<usize>(uplink));
}

/** Brings the frame on the stage to where it belongs; false: it has to wait. */
function take(uplink: Uplink, number: u32): bool {
  const network = networkAt(uplink.network);
  const port = portAt(uplink.port);
  const frame = desk.clear();
  if (!uplinks.read(number, port.offload != 0, frame)) {
    port.malformed++;
    return true;
  }
  if (port.waits == 0 && capture.isCaptured(port) && delivery.gather(frame)) capture.copy(port, frame);
  const packet = desk.packet();
  const bytes = frame.bytes;
  const fate = isNat(network) && !isNic(port) ? count(port, bytes, gate.fromUplink(network, frame, packet)) : carry(network, port, frame, packet);
  if (fate == SENT || fate == DROPPED) {
    settle(port);
    return true;
  }
  uplink.again = retryAt(port, fate);
  if (port.waits == 0) port.waits = 1;
  if (uplink.again == 0) mailbox.announceUplink(number);
  return false;
}

/** Looks after the uplinks: those that are announced, those whose frame has waited, and all once in a while. */
export function round(cpu: Cpu): void {
  gate.tick(cpu);
  let wanted = mailbox.takeUplinks();
  if (wanted != 0) wakeSenders(wanted);
  if (bill.now() >= lookedAt + LOOK_NS) {
    lookedAt = bill.now();
    wanted = 0xffff_ffff;
  }
  for (let number: u32 = 0; number < <u32>MAX_UPLINKS; number++) {
    const uplink = uplinkAt(number);
    const isDue = uplink.staged != 0 && uplink.again <= bill.now();
    if (isDue || (wanted >> number & 1) != 0) {
      bill.toCpu(cpu);
      receive(number, cpu);
    }
  }
}

/** Uplinks may take frames again: whoever waits for that tries. */
function wakeSenders(numbers: u32): void {
  for (let rest = numbers; rest != 0; rest &= rest - 1) {
    const uplink = uplinkAt(<u32>ctz(rest));
    if (!leadsIn(uplink)) continue;
    const port = portAt(uplink.port);
    for (let bits = takeWaiters(port); bits != 0; bits &= bits - 1) mailbox.announce(<u32>ctz(bits));
  }
}

/** ns until a frame that has waited at an uplink is to be tried again. */
export function restNs(): f64 {
  let first: f64 = Infinity;
  for (let number: u32 = 0; number < <u32>MAX_UPLINKS; number++) {
    const uplink = uplinkAt(number);
    if (uplink.staged != 0) first = min(first, uplink.again);
  }
  return max(0, first - bill.now());
}
