// An uplink: a numbered network port of the host, behind which there is a network, or somebody who captures.
//
// A frame that has come in stands on the uplink's stage until it is where it belongs: the host can't take it back.

import { MAX_UPLINKS, OK } from "../abi";
import * as lock from "../core/lock";
import { FRAME_LEAST, FRAME_MOST, Frame, HEAD_BYTES, NET_HEADER_BYTES, VIRTIO_NET_HDR_F_DATA_VALID, VIRTIO_NET_HDR_F_NEEDS_CSUM } from "../devices/frame";
import * as host from "../host";
import { PORTS, PORTS_SIZE, STAGES, STAGE_STRIDE } from "./layout";

const UPLINK_STRIDE: usize = 128;
const UPLINKS: usize = PORTS + PORTS_SIZE - <usize>MAX_UPLINKS * UPLINK_STRIDE;

export const UPLINK_FREE: u32 = 0;
export const UPLINK_NETWORK: u32 = 1;
export const UPLINK_CAPTURE: u32 = 2;
export const UPLINK_CABLE: u32 = 3;

@unmanaged @final
export class Uplink {
  /** Held by who fetches frames, and by who sends some. Leaves. */
  receiveLock: u32;
  sendLock: u32;
  /** UPLINK_*: what it is for. */
  use: u32;
  /** Its network, and the number of its port there; a capture has none. */
  network: u32;
  port: u32;
  /** 1 while frames can pass. */
  link: u32;

  // Under receiveLock.
  /** Bytes of the frame on the stage; 0: none. */
  staged: u32;
  /** host.now() at which that is to be tried again. */
  again: f64;
}

/** Room on a stage: in front of a frame for a tag, then the frame with virtio's header. */
const FRONT: usize = 64;
export const STAGE_BYTES: u32 = <u32>(STAGE_STRIDE - FRONT);

/** struct virtio_net_hdr: where things stand. */
const KNOWN_FLAGS: u32 = VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID;
const FLAGS: usize = 0;
const GSO_TYPE: usize = 1;
const HEADER_LENGTH: usize = 2;
const GSO_SIZE: usize = 4;
const CSUM_START: usize = 6;
const CSUM_OFFSET: usize = 8;
const NUM_BUFFERS: usize = 10;

export function uplinkAt(number: u32): Uplink {
  return changetype<Uplink>(UPLINKS + <usize>number * UPLINK_STRIDE);
}

export function isUplink(number: u32): bool {
  return number < <u32>MAX_UPLINKS;
}

/** Where the frame on an uplink's stage begins. */
export function stageOf(number: u32): usize {
  return STAGES + <usize>number * STAGE_STRIDE + FRONT;
}

/** Makes it the uplink of a network, a capture or a cable. What has come in before is nobody's. */
export function open(number: u32, use: u32, network: u32, port: u32): void {
  const uplink = uplinkAt(number);
  lock.acquire(changetype<usize>(uplink));
  uplink.network = network;
  uplink.port = port;
  uplink.use = use;
  uplink.link = 1;
  uplink.staged = 0;
  lock.release(changetype<usize>(uplink));
}

/** It is nobody's uplink any more, and nobody works on a frame of it. */
export function close(number: u32): void {
  const uplink = uplinkAt(number);
  lock.acquire(changetype<usize>(uplink));
  uplink.use = UPLINK_FREE;
  uplink.staged = 0;
  lock.release(changetype<usize>(uplink));
}

/** Puts the next frame on the stage, if none stands there; false: there is none. receiveLock is held. */
export function fetch(number: u32): bool {
  const uplink = uplinkAt(number);
  if (uplink.staged == 0) uplink.staged = min(host.netReceive(number, stageOf(number), STAGE_BYTES), STAGE_BYTES);
  return uplink.staged != 0;
}

/**
 * Makes the bytes on the stage a frame, with a copy of its head in `frame`, which is empty: what happens to that leaves the stage
 * as it is. False: it is no frame, or asks for a sum outside its head.
 */
export function read(number: u32, hasHeader: bool, frame: Frame): bool {
  const uplink = uplinkAt(number);
  let stage = stageOf(number);
  let bytes = uplink.staged;
  if (hasHeader) {
    if (bytes < NET_HEADER_BYTES) return false;
    frame.flags = load<u8>(stage + FLAGS) & KNOWN_FLAGS;
    frame.gsoType = load<u8>(stage + GSO_TYPE);
    frame.headerBytes = load<u16>(stage + HEADER_LENGTH);
    frame.gsoSize = load<u16>(stage + GSO_SIZE);
    frame.csumStart = load<u16>(stage + CSUM_START);
    frame.csumOffset = load<u16>(stage + CSUM_OFFSET);
    stage += NET_HEADER_BYTES;
    bytes -= NET_HEADER_BYTES;
  }
  if (bytes < FRAME_LEAST || bytes > FRAME_MOST) return false;
  frame.bytes = bytes;
  frame.headBytes = min(bytes, HEAD_BYTES);
  frame.body = stage + frame.headBytes;
  memory.copy(frame.head, stage, frame.headBytes);
  if ((frame.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0) return frame.csumStart + frame.csumOffset + 2 <= frame.headBytes;
  frame.csumStart = frame.csumOffset = 0;
  return true;
}

/** Sends a frame that lies in one piece; false: the host does not take it now. Who sends with a header has room in front. */
export function send(number: u32, hasHeader: bool, frame: Frame): bool {
  const uplink = uplinkAt(number);
  let ptr = frame.head;
  let bytes = frame.bytes;
  if (hasHeader) {
    ptr -= NET_HEADER_BYTES;
    bytes += NET_HEADER_BYTES;
    store<u8>(ptr + FLAGS, frame.flags);
    store<u8>(ptr + GSO_TYPE, frame.gsoType);
    store<u16>(ptr + HEADER_LENGTH, frame.gsoType != 0 ? frame.headerBytes : 0);
    store<u16>(ptr + GSO_SIZE, frame.gsoType != 0 ? frame.gsoSize : 0);
    store<u16>(ptr + CSUM_START, frame.csumStart);
    store<u16>(ptr + CSUM_OFFSET, frame.csumOffset);
    store<u16>(ptr + NUM_BUFFERS, 0);
  }
  lock.acquire(changetype<usize>(uplink) + offsetof<Uplink>("sendLock"));
  const code = host.netSend(number, ptr, bytes);
  lock.release(changetype<usize>(uplink) + offsetof<Uplink>("sendLock"));
  return code == OK;
}
