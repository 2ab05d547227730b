// The DHCP client of a gateway (RFC 2131, 4.4): its address on the uplink, if the machine has not been told one.
//
//   INIT -> SELECTING -> REQUESTING -> BOUND -> RENEWING -> REBINDING -> INIT
//                                        ^ REBOOTING: the link was away, and the old address may still be good

import { Frame } from "../../devices/frame";
import { Network } from "../network";
import { ETHERTYPE_IPV4, Packet, load16, load32, load48, store16, store32, store48 } from "../packet";
import { BROADCAST4, BROADCAST_MAC, isHost4, maskOf } from "./address";
import * as dhcp from "./dhcp";
import { CONSUMED, REPLY } from "./places";
import * as reply from "./reply";

const INIT: u32 = 0;
const SELECTING: u32 = 1;
const REQUESTING: u32 = 2;
const BOUND: u32 = 3;
const RENEWING: u32 = 4;
const REBINDING: u32 = 5;
const REBOOTING: u32 = 6;

/** How long the first answer may take, and the last ones (RFC 2131, 4.1). */
const FIRST_NS: f64 = 2e9;
const DOUBLED_MOST: u32 = 5;
/** Questions before it begins anew; before it gives up its old address; least time between two that prolong. */
const TRIES: u32 = 4;
const REBOOT_TRIES: u32 = 2;
const RENEW_LEAST_NS: f64 = 60e9;
const NS_IN_S: f64 = 1e9;
const LEASE_DEFAULT_S: u32 = 3600;
const LEASE_LEAST_S: u32 = 30;

const OPTION_SIZE: u32 = 57;
const OPTION_CLIENT: u32 = 61;
const SIZE_MOST: u32 = 1500;

@unmanaged @final
export class Client {
  state: u32;
  /** Identifies what is asked now; the next one is made of it. */
  transaction: u32;
  /** Questions in this state. */
  tries: u32;
  /** The offered or leased address, and who gave it: its address and the MAC by which it is reached. */
  ip4: u32;
  server: u32;
  /** When the next message is to be sent. */
  dueAt: f64;
  serverMac: u64;
  /** When the question was sent that is not answered yet; a lease counts from there. */
  askedAt: f64;
  renewAt: f64;
  rebindAt: f64;
  endAt: f64;
}

/** Begins to look for an address. */
export function start(client: Client, network: Network, now: f64): void {
  memory.fill(changetype<usize>(client), 0, offsetof<Client>());
  client.transaction = <u32>(network.outMac * 0x9e37_79b9_7f4a_7c15 >> 32) ^ <u32><u64>now;
  client.dueAt = now;
}

/** The network has the address no more. */
function drop(client: Client, network: Network, now: f64): void {
  network.outIp4 = 0;
  network.outPrefix4 = 0;
  network.outGateway4 = 0;
  network.outDns4 = 0;
  client.state = INIT;
  client.tries = 0;
  client.dueAt = now;
}

/** The link is back: is the old address still good here? */
export function relink(client: Client, network: Network, now: f64): void {
  const isLeased = client.state >= BOUND && now < client.endAt;
  if (!isLeased) drop(client, network, now);
  else client.state = REBOOTING;
  client.tries = 0;
  client.dueAt = now;
}

/** Writes what is to be sent now; false: nothing. */
export function tick(client: Client, network: Network, now: f64): bool {
  if (now < client.dueAt) return false;
  switch (client.state) {
    case INIT:
      client.state = SELECTING;
      client.tries = 0;
      break;
    case REQUESTING:
      if (client.tries < TRIES) break;
      client.state = SELECTING;
      client.tries = 0;
      break;
    case REBOOTING:
      if (client.tries < REBOOT_TRIES) break;
      drop(client, network, now);
      client.state = SELECTING;
      break;
    case BOUND:
      client.state = RENEWING;
      break;
    case RENEWING:
    case REBINDING:
      if (now >= client.endAt) {
        drop(client, network, now);
        client.state = SELECTING;
      } else if (now >= client.rebindAt) {
        client.state = REBINDING;
      }
      break;
    default: break;
  }
  send(client, network, now);
  return true;
}

function wait(client: Client, now: f64): f64 {
  if (client.state == RENEWING) return max(RENEW_LEAST_NS, min(client.rebindAt - now, (client.rebindAt - now) / 2));
  if (client.state == REBINDING) return max(RENEW_LEAST_NS, (client.endAt - now) / 2);
  // Several machines that begin at once do not stay in step.
  const jitter = <f64>(client.transaction >> 8 & 0xff) / 256 - 0.5;
  return FIRST_NS * <f64>(1 << min(client.tries, DOUBLED_MOST)) + jitter * NS_IN_S;
}

function send(client: Client, network: Network, now: f64): void {
  if (client.state != REQUESTING || client.tries != 0) client.transaction = client.transaction * 1_664_525 + 1_013_904_223;
  client.dueAt = now + wait(client, now);
  client.tries++;
  client.askedAt = now;
  const has = client.state == RENEWING || client.state == REBINDING;
  const isUnicast = client.state == RENEWING && client.serverMac != 0;
  const out = reply.open(isUnicast ? client.serverMac : BROADCAST_MAC, network.outMac, ETHERTYPE_IPV4) + reply.DATA4;
  memory.fill(out, 0, dhcp.OPTIONS);
  store<u8>(out + dhcp.OP, <u8>dhcp.BOOT_REQUEST);
  store16(out + 1, dhcp.ETHERNET);
  store32(out + dhcp.TRANSACTION, client.transaction);
  if (has) store32(out + dhcp.CLIENT_IP, client.ip4);
  store48(out + dhcp.CLIENT_MAC, network.outMac);
  store32(out + dhcp.COOKIE, dhcp.MAGIC);
  const bytes = putOptions(out + dhcp.OPTIONS, client, network) - out;
  const whole = max<u32>(<u32>bytes, dhcp.LEAST_BYTES);
  memory.fill(out + bytes, 0, whole - <u32>bytes);
  reply.closeUdp4(has ? client.ip4 : 0, isUnicast ? client.server : BROADCAST4, dhcp.CLIENT_PORT, dhcp.SERVER_PORT, whole);
}

function putOptions(start: usize, client: Client, network: Network): usize {
  store<u8>(start, <u8>dhcp.OPTION_TYPE);
  store<u8>(start + 1, 1);
  store<u8>(start + 2, <u8>(client.state == SELECTING ? dhcp.DISCOVER : dhcp.REQUEST));
  let at = start + 3;
  store<u8>(at, <u8>OPTION_CLIENT);
  store<u8>(at + 1, 7);
  store<u8>(at + 2, 1);
  store48(at + 3, network.outMac);
  at += 9;
  store<u8>(at, <u8>OPTION_SIZE);
  store<u8>(at + 1, 2);
  store16(at + 2, SIZE_MOST);
  at += 4;
  if (client.state == REQUESTING || client.state == REBOOTING) at = dhcp.put32(at, dhcp.OPTION_REQUESTED, client.ip4);
  if (client.state == REQUESTING) at = dhcp.put32(at, dhcp.OPTION_SERVER, client.server);
  store<u8>(at, <u8>dhcp.OPTION_WANTED);
  store<u8>(at + 1, 6);
  store<u8>(at + 2, <u8>dhcp.OPTION_MASK);
  store<u8>(at + 3, <u8>dhcp.OPTION_ROUTER);
  store<u8>(at + 4, <u8>dhcp.OPTION_DNS);
  store<u8>(at + 5, <u8>dhcp.OPTION_LEASE);
  store<u8>(at + 6, <u8>dhcp.OPTION_RENEW);
  store<u8>(at + 7, <u8>dhcp.OPTION_REBIND);
  store<u8>(at + 8, <u8>dhcp.OPTION_END);
  return at + 9;
}

/** A datagram to CLIENT_PORT whose packet is whole and sound: REPLY (it has been answered at once), or CONSUMED. */
export function hear(client: Client, network: Network, frame: Frame, packet: Packet, now: f64): u32 {
  const header = frame.head + packet.transport;
  const message = header + 8;
  const bytes = load16(header + 4) - 8;
  if (bytes < <u32>dhcp.OPTIONS || load32(message + dhcp.COOKIE) != dhcp.MAGIC) return CONSUMED;
  if (load<u8>(message + dhcp.OP) != dhcp.BOOT_REPLY || load16(message + 1) != dhcp.ETHERNET) return CONSUMED;
  if (load32(message + dhcp.TRANSACTION) != client.transaction || load48(message + dhcp.CLIENT_MAC) != network.outMac) return CONSUMED;
  const type = dhcp.option(message, bytes, dhcp.OPTION_TYPE, 1);
  const server = dhcp.option(message, bytes, dhcp.OPTION_SERVER, 4);
  if (type == 0 || server == 0) return CONSUMED;
  const ip4 = load32(message + dhcp.YOUR_IP);
  const asks = client.state == REQUESTING || client.state == RENEWING || client.state == REBINDING || client.state == REBOOTING;
  switch (<u32>load<u8>(type)) {
    case dhcp.OFFER:
      if (client.state != SELECTING || !isHost4(ip4)) return CONSUMED;
      client.ip4 = ip4;
      client.server = load32(server);
      client.state = REQUESTING;
      client.tries = 0;
      send(client, network, now);
      return REPLY;
    case dhcp.ACK:
      if (!asks || !isHost4(ip4) || (client.state == REQUESTING && load32(server) != client.server)) return CONSUMED;
      client.serverMac = load48(frame.head + 6);
      client.server = load32(server);
      bind(client, network, message, bytes, ip4);
      return CONSUMED;
    case dhcp.NAK:
      if (!asks || (client.state == REQUESTING && load32(server) != client.server)) return CONSUMED;
      drop(client, network, now + FIRST_NS);
      return CONSUMED;
    default: return CONSUMED;
  }
}

function seconds(message: usize, bytes: u32, kind: u32, otherwise: f64): f64 {
  const at = dhcp.option(message, bytes, kind, 4);
  return at == 0 ? otherwise : <f64>load32(at);
}

function address(message: usize, bytes: u32, kind: u32): u32 {
  const at = dhcp.option(message, bytes, kind, 4);
  return at == 0 || !isHost4(load32(at)) ? 0 : load32(at);
}

function bind(client: Client, network: Network, message: usize, bytes: u32, ip4: u32): void {
  const lease = max(seconds(message, bytes, dhcp.OPTION_LEASE, <f64>LEASE_DEFAULT_S), <f64>LEASE_LEAST_S);
  const renew = seconds(message, bytes, dhcp.OPTION_RENEW, lease / 2);
  const rebind = seconds(message, bytes, dhcp.OPTION_REBIND, lease * 7 / 8);
  // Times that contradict each other are made of the lease's.
  const isSane = renew > 0 && renew <= rebind && rebind <= lease;
  client.renewAt = client.askedAt + (isSane ? renew : lease / 2) * NS_IN_S;
  client.rebindAt = client.askedAt + (isSane ? rebind : lease * 7 / 8) * NS_IN_S;
  client.endAt = client.askedAt + lease * NS_IN_S;
  client.dueAt = client.renewAt;
  client.state = BOUND;
  client.tries = 0;
  client.ip4 = ip4;
  const mask = dhcp.option(message, bytes, dhcp.OPTION_MASK, 4);
  const prefix = mask == 0 ? 24 : <u32>popcnt(load32(mask));
  network.outIp4 = ip4;
  network.outPrefix4 = mask != 0 && maskOf(prefix) != load32(mask) ? 24 : prefix;
  network.outGateway4 = address(message, bytes, dhcp.OPTION_ROUTER);
  network.outDns4 = address(message, bytes, dhcp.OPTION_DNS);
}
