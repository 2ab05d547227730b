// The table of networks: their life, forwardings, and what the host is told of them.

import {
  E_BAD_ARG, E_BAD_ID, E_BAD_STATE, E_BUSY, FORWARD_COUNT, FORWARD_GUEST, FORWARD_NIC, FORWARD_PORT, FORWARD_PROTOCOL,
  FORWARD_TO_PORT, MAX_NETWORKS, NETPORT_FLOODED, NETPORT_GATEWAY, NETPORT_GUEST, NETPORT_IN_BYTES, NETPORT_IN_FRAMES,
  NETPORT_IP4, NETPORT_IP6, NETPORT_LINK, NETPORT_MAC, NETPORT_MALFORMED, NETPORT_NIC, NETPORT_OUT_BYTES,
  NETPORT_OUT_FRAMES, NETPORT_OVERRUN, NETPORT_SIZE, NETPORT_SPOOFED, NETPORT_VLAN, NETREPORT_CONNECTIONS, NETREPORT_EVICTED,
  NETREPORT_LINK, NETREPORT_OUT_IP4, NETREPORT_OUT_IP6, NETREPORT_PORTS, NETREPORT_PORT_COUNT, NETREPORT_REFUSED,
  NETREPORT_TRACKED, NETWORK_BRIDGE, NETWORK_BROADCASTS, NETWORK_DOMAIN, NETWORK_DOMAIN_MAX, NETWORK_FLAGS, NETWORK_FLAG_NO_DHCP,
  NETWORK_FLAG_NO_DNS, NETWORK_FLAG_NO_FORWARDING, NETWORK_FLAG_OFFLOAD, NETWORK_IP4, NETWORK_IP6, NETWORK_LEASE_FIRST,
  NETWORK_LEASE_LAST, NETWORK_MAC, NETWORK_MODE, NETWORK_MTU, NETWORK_NAT, NETWORK_OUT_DNS4, NETWORK_OUT_DNS6,
  NETWORK_OUT_GATEWAY4, NETWORK_OUT_GATEWAY6, NETWORK_OUT_IP4, NETWORK_OUT_IP6, NETWORK_OUT_MAC, NETWORK_OUT_PREFIX4,
  NETWORK_OUT_PREFIX6, NETWORK_PREFIX4, NETWORK_UPLINK, NO_UPLINK, OK,
} from "../abi";
import { WINDOW } from "../core/layout";
import * as lock from "../core/lock";
import { acquire, guestAt, release } from "../guest/guest";
import * as host from "../host";
import * as macs from "../net/macs";
import { NETWORK_STRIDE } from "../net/layout";
import * as forwards from "../net/nat/forwards";
import * as nat from "../net/nat/nat";
import { Network, domainOf, has, isNat, networkAt } from "../net/network";
import { load48, store48 } from "../net/packet";
import { NIC_PORTS, Port, gatewayPort, isCable, isNic, openGateway, openUplink, portAt, uplinkPort } from "../net/port";
import * as gateway from "../net/services/gateway";
import * as neighbours from "../net/services/neighbours";
import * as outside from "../net/services/outside";
import * as uplinks from "../net/uplink";
import { UPLINK_CABLE, UPLINK_FREE, UPLINK_NETWORK, uplinkAt } from "../net/uplink";
import * as captures from "./captures";
import * as ports from "./ports";

const MTU_LEAST: u32 = 576;
const MTU_MOST: u32 = 65521;
const FLAGS: u32 = NETWORK_FLAG_OFFLOAD | NETWORK_FLAG_NO_FORWARDING | NETWORK_FLAG_NO_DHCP | NETWORK_FLAG_NO_DNS;
/** A MAC of one station: six bytes, the first of which is even. */
const MAC_GROUP: u64 = 1 << 40;

function word(spec: usize, at: u32): u32 {
  return load<u32>(spec + at);
}

/** 8 bytes in the order of the wire as a number. */
function wire64(ptr: usize): u64 {
  return bswap<u64>(load<u64>(ptr));
}

function isStation(mac: u64): bool {
  return mac != 0 && (mac & MAC_GROUP) == 0;
}

/** Looks at a network's description without changing anything. */
function check(spec: usize): i32 {
  const mode = word(spec, NETWORK_MODE);
  if (mode != NETWORK_BRIDGE && mode != NETWORK_NAT) return E_BAD_ARG;
  if ((word(spec, NETWORK_FLAGS) & ~FLAGS) != 0) return E_BAD_ARG;
  const mtu = word(spec, NETWORK_MTU);
  if (mtu < MTU_LEAST || mtu > MTU_MOST) return E_BAD_ARG;
  const uplink = word(spec, NETWORK_UPLINK);
  if (uplink != NO_UPLINK) {
    if (!uplinks.isUplink(uplink)) return E_BAD_ARG;
    if (uplinkAt(uplink).use != UPLINK_FREE) return E_BUSY;
  }
  return mode == NETWORK_NAT ? checkGateway(spec) : OK;
}

function checkGateway(spec: usize): i32 {
  if (!isStation(load48(spec + NETWORK_MAC)) || !isStation(load48(spec + NETWORK_OUT_MAC))) return E_BAD_ARG;
  const prefix = word(spec, NETWORK_PREFIX4);
  if (prefix < 8 || prefix > 30 || word(spec, NETWORK_OUT_PREFIX4) > 32 || word(spec, NETWORK_OUT_PREFIX6) > 128) return E_BAD_ARG;
  const mask: u32 = <u32>0xffff_ffff << (32 - prefix);
  const ip4 = word(spec, NETWORK_IP4);
  const subnet = ip4 & mask;
  const first = word(spec, NETWORK_LEASE_FIRST);
  const last = word(spec, NETWORK_LEASE_LAST);
  if (ip4 == subnet || ip4 == (subnet | ~mask)) return E_BAD_ARG;
  if (first > last || first <= subnet || last >= (subnet | ~mask)) return E_BAD_ARG;
  for (let i: u32 = 0; i <= <u32>NETWORK_DOMAIN_MAX; i++) {
    if (load<u8>(spec + NETWORK_DOMAIN + i) == 0) return OK;
  }
  return E_BAD_ARG;
}

/** Makes network `id` from NETWORK_* in the window. E_BAD_STATE: there is one; E_BUSY: its uplink is somebody else's. */
export function define(id: u32): i32 {
  if (id >= <u32>MAX_NETWORKS) return E_BAD_ID;
  if (has(id)) return E_BAD_STATE;
  const spec = WINDOW;
  const code = check(spec);
  if (code != OK) return code;
  const network = networkAt(id);
  // A CPU that looks after gateways may hold the lock of the one that was here before.
  const lockBytes = offsetof<Network>("exists");
  lock.acquire(changetype<usize>(network));
  memory.fill(changetype<usize>(network) + lockBytes, 0, NETWORK_STRIDE - lockBytes);
  lock.release(changetype<usize>(network));
  network.id = id;
  network.mode = word(spec, NETWORK_MODE);
  network.uplink = word(spec, NETWORK_UPLINK);
  network.link = network.uplink != NO_UPLINK ? 1 : 0;
  network.flags = word(spec, NETWORK_FLAGS);
  network.mtu = word(spec, NETWORK_MTU);
  network.broadcasts = word(spec, NETWORK_BROADCASTS);
  macs.clear(network);
  if (network.uplink != NO_UPLINK) openUplink(id, network.uplink, (network.flags & NETWORK_FLAG_OFFLOAD) != 0);
  if (isNat(network)) describe(network, spec);
  network.exists = 1;
  if (network.uplink != NO_UPLINK) uplinks.open(network.uplink, UPLINK_NETWORK, id, uplinkPort(id).number);
  return OK;
}

/** What a gateway knows. */
function describe(network: Network, spec: usize): void {
  network.mac = load48(spec + NETWORK_MAC);
  network.outMac = load48(spec + NETWORK_OUT_MAC);
  network.ip4 = word(spec, NETWORK_IP4);
  network.prefix4 = word(spec, NETWORK_PREFIX4);
  network.leaseFirst = word(spec, NETWORK_LEASE_FIRST);
  network.leaseLast = word(spec, NETWORK_LEASE_LAST);
  network.ip6High = wire64(spec + NETWORK_IP6);
  network.ip6Low = wire64(spec + NETWORK_IP6 + 8);
  network.outIp4 = word(spec, NETWORK_OUT_IP4);
  network.outPrefix4 = word(spec, NETWORK_OUT_PREFIX4);
  network.outGateway4 = word(spec, NETWORK_OUT_GATEWAY4);
  network.outDns4 = word(spec, NETWORK_OUT_DNS4);
  network.outLearns4 = network.outIp4 == 0 ? 1 : 0;
  network.outIp6High = wire64(spec + NETWORK_OUT_IP6);
  network.outIp6Low = wire64(spec + NETWORK_OUT_IP6 + 8);
  network.outPrefix6 = word(spec, NETWORK_OUT_PREFIX6);
  network.outGateway6High = wire64(spec + NETWORK_OUT_GATEWAY6);
  network.outGateway6Low = wire64(spec + NETWORK_OUT_GATEWAY6 + 8);
  network.outDns6High = wire64(spec + NETWORK_OUT_DNS6);
  network.outDns6Low = wire64(spec + NETWORK_OUT_DNS6 + 8);
  network.outLearns6 = network.outIp6High == 0 && network.outIp6Low == 0 ? 1 : 0;
  memory.copy(domainOf(network), spec + NETWORK_DOMAIN, NETWORK_DOMAIN_MAX + 1);
  nat.forget(network);
  gateway.start(network, host.now());
  outside.start(network, host.now());
  openGateway(network.id, network.mac);
  macs.set(network, macs.keyOf(network.mac, 0), gatewayPort(network.id).number);
}

/** Takes a network away. E_BUSY while guests have devices on it. */
export function remove(id: u32): i32 {
  if (!has(id)) return E_BAD_ID;
  for (let i: u32 = 0; i < NIC_PORTS; i++) if (portAt(i).exists != 0 && portAt(i).network == id) return E_BUSY;
  const network = networkAt(id);
  if (network.uplink != NO_UPLINK) uplinks.close(network.uplink);
  network.exists = 0;
  lock.acquire(changetype<usize>(network));
  neighbours.forget(network);
  if (isNat(network)) nat.forget(network);
  lock.release(changetype<usize>(network));
  const port = uplinkPort(id);
  port.exists = 0;
  captures.end(port);
  gatewayPort(id).exists = 0;
  return OK;
}

/** Tells whether frames can pass an uplink; guests on a bridge see it, as far as they are this machine's. */
export function link(uplink: u32, up: bool): i32 {
  if (!uplinks.isUplink(uplink)) return E_BAD_ARG;
  if (uplinkAt(uplink).use == UPLINK_CABLE) {
    portAt(uplinkAt(uplink).port).link = up ? 1 : 0;
    return OK;
  }
  if (uplinkAt(uplink).use != UPLINK_NETWORK) return E_BAD_STATE;
  const network = networkAt(uplinkAt(uplink).network);
  network.link = up ? 1 : 0;
  uplinkAt(uplink).link = network.link;
  uplinkPort(network.id).link = network.link;
  if (isNat(network)) {
    lock.acquire(changetype<usize>(network));
    outside.link(network, up, host.now());
    lock.release(changetype<usize>(network));
  }
  for (let i: u32 = 0; i < NIC_PORTS; i++) {
    const port = portAt(i);
    if (port.exists == 0 || port.network != network.id || isCable(port)) continue;
    const guest = guestAt(port.owner);
    acquire(guest);
    if (port.exists != 0) ports.setLink(guest, port);
    release(guest);
  }
  return OK;
}

/**
 * Publishes the ports of FORWARD_* in the window on a network's uplink, or takes them back. E_BAD_STATE: the network has no
 * gateway; otherwise as net/nat/forwards has it.
 */
export function forward(id: u32, isNew: bool): i32 {
  if (!has(id)) return E_BAD_ID;
  const network = networkAt(id);
  if (!isNat(network)) return E_BAD_STATE;
  const protocol = word(WINDOW, FORWARD_PROTOCOL);
  const port = word(WINDOW, FORWARD_PORT);
  const count = word(WINDOW, FORWARD_COUNT);
  if (!isNew) return forwards.remove(network, protocol, port, count);
  return forwards.add(network, protocol, port, count, word(WINDOW, FORWARD_GUEST), word(WINDOW, FORWARD_NIC), word(WINDOW, FORWARD_TO_PORT));
}

/** Writes NETREPORT_* of a network to `target`. */
export function report(id: u32, target: usize): i32 {
  if (!has(id)) return E_BAD_ID;
  const network = networkAt(id);
  memory.fill(target, 0, NETREPORT_PORTS);
  store<u32>(target, network.link, NETREPORT_LINK);
  store<u32>(target, network.outIp4, NETREPORT_OUT_IP4);
  store<u32>(target, network.connections, NETREPORT_CONNECTIONS);
  store<u64>(target, bswap<u64>(network.outIp6High), NETREPORT_OUT_IP6);
  store<u64>(target, bswap<u64>(network.outIp6Low), NETREPORT_OUT_IP6 + 8);
  store<u64>(target, network.tracked, NETREPORT_TRACKED);
  store<u64>(target, network.evicted, NETREPORT_EVICTED);
  store<u64>(target, network.refused, NETREPORT_REFUSED);
  let count: u32 = 0;
  for (let i: u32 = 0; i < NIC_PORTS; i++) if (portAt(i).network == id) count += reportPort(portAt(i), target, count);
  count += reportPort(uplinkPort(id), target, count);
  count += reportPort(gatewayPort(id), target, count);
  store<u32>(target, count, NETREPORT_PORT_COUNT);
  return OK;
}

/** The addresses that are known to be the port's. */
function reportAddresses(port: Port, place: usize): void {
  const network = networkAt(port.network);
  if (!isNic(port)) {
    const isGateway = port.owner == <u32>NETPORT_GATEWAY;
    store<u32>(place, isGateway ? network.ip4 : 0, NETPORT_IP4);
    store<u64>(place, isGateway ? bswap<u64>(network.ip6High) : 0, NETPORT_IP6);
    store<u64>(place, isGateway ? bswap<u64>(network.ip6Low) : 0, NETPORT_IP6 + 8);
    return;
  }
  const neighbour = neighbours.recordOf(port);
  store<u32>(place, neighbours.ip4Of(port), NETPORT_IP4);
  store<u64>(place, bswap<u64>(neighbours.publicHigh(network, neighbour)), NETPORT_IP6);
  store<u64>(place, bswap<u64>(neighbours.publicLow(network, neighbour)), NETPORT_IP6 + 8);
}

/** Writes one port as the one with this number in the report, if it exists; how many were written. */
function reportPort(port: Port, target: usize, number: u32): u32 {
  if (port.exists == 0) return 0;
  const place = target + NETREPORT_PORTS + <usize>number * NETPORT_SIZE;
  memory.fill(place, 0, NETPORT_SIZE);
  store<u32>(place, port.owner, NETPORT_GUEST);
  store<u32>(place, port.nic, NETPORT_NIC);
  store<u32>(place, port.link, NETPORT_LINK);
  store<u16>(place, port.vlan, NETPORT_VLAN);
  store48(place + NETPORT_MAC, port.mac);
  reportAddresses(port, place);
  store<u64>(place, port.inFrames, NETPORT_IN_FRAMES);
  store<u64>(place, port.inBytes, NETPORT_IN_BYTES);
  store<u64>(place, port.outFrames, NETPORT_OUT_FRAMES);
  store<u64>(place, port.outBytes, NETPORT_OUT_BYTES);
  store<u64>(place, port.spoofed, NETPORT_SPOOFED);
  store<u64>(place, port.flooded, NETPORT_FLOODED);
  store<u64>(place, port.malformed, NETPORT_MALFORMED);
  store<u64>(place, port.overrun, NETPORT_OVERRUN);
  return 1;
}
