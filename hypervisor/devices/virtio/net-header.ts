// struct virtio_net_hdr (virtio 1.2, 5.1.6): what stands in front of a frame between driver and device.

import {
  Frame, NET_HEADER_BYTES, VIRTIO_NET_HDR_F_DATA_VALID, VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_ECN,
  VIRTIO_NET_HDR_GSO_NONE, VIRTIO_NET_HDR_GSO_TCPV4, VIRTIO_NET_HDR_GSO_TCPV6,
} from "../frame";
import { Virtio, has } from "./virtio";

/** Feature bits, 5.1.3. HOST: what the device does for the driver; GUEST: what the driver takes. */
export const VIRTIO_NET_F_CSUM: u64 = 1 << 0;
export const VIRTIO_NET_F_GUEST_CSUM: u64 = 1 << 1;
export const VIRTIO_NET_F_GUEST_TSO4: u64 = 1 << 7;
export const VIRTIO_NET_F_GUEST_TSO6: u64 = 1 << 8;
export const VIRTIO_NET_F_GUEST_ECN: u64 = 1 << 9;
export const VIRTIO_NET_F_HOST_TSO4: u64 = 1 << 11;
export const VIRTIO_NET_F_HOST_TSO6: u64 = 1 << 12;
export const VIRTIO_NET_F_HOST_ECN: u64 = 1 << 13;
export const OFFLOADS: u64 = VIRTIO_NET_F_CSUM | VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_GUEST_TSO6 |
  VIRTIO_NET_F_GUEST_ECN | VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_TSO6 | VIRTIO_NET_F_HOST_ECN;

const FLAGS: usize = 0;
const GSO_TYPE: usize = 1;
const HEADER_LENGTH: usize = 2;
const GSO_SIZE: usize = 4;
const CSUM_START: usize = 6;
const CSUM_OFFSET: usize = 8;
const NUM_BUFFERS: usize = 10;

/** A feature without which a frame of this kind of segmentation is not taken; 0: there is no such kind. */
function featureOf(type: u32, forTcp4: u64, forTcp6: u64, forEcn: u64): u64 {
  const ecn = (type & VIRTIO_NET_HDR_GSO_ECN) != 0 ? forEcn : 0;
  switch (type & ~VIRTIO_NET_HDR_GSO_ECN) {
    case VIRTIO_NET_HDR_GSO_TCPV4: return forTcp4 | ecn;
    case VIRTIO_NET_HDR_GSO_TCPV6: return forTcp6 | ecn;
    default: return 0;
  }
}

/**
 * Takes the driver's header at `ptr` over into the frame, whose head is there already; false: it asks for what was not
 * negotiated, or for sums outside the head. Whether it fits the packet is seen where packets are parsed.
 */
export function read(device: Virtio, ptr: usize, frame: Frame): bool {
  frame.flags = <u32>load<u8>(ptr, FLAGS) & VIRTIO_NET_HDR_F_NEEDS_CSUM;
  frame.gsoType = load<u8>(ptr, GSO_TYPE);
  frame.headerBytes = load<u16>(ptr, HEADER_LENGTH);
  frame.gsoSize = load<u16>(ptr, GSO_SIZE);
  frame.csumStart = load<u16>(ptr, CSUM_START);
  frame.csumOffset = load<u16>(ptr, CSUM_OFFSET);
  if (frame.flags != 0) {
    if (!has(device, VIRTIO_NET_F_CSUM) || frame.csumStart + frame.csumOffset + 2 > frame.headBytes) return false;
  } else {
    frame.csumStart = frame.csumOffset = 0;
  }
  if (frame.gsoType == VIRTIO_NET_HDR_GSO_NONE) return true;
  const wanted = featureOf(frame.gsoType, VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_HOST_TSO6, VIRTIO_NET_F_HOST_ECN);
  return wanted != 0 && has(device, wanted) && frame.flags != 0 && frame.gsoSize != 0;
}

/** Does the driver take this frame with what is left undone in it? */
export function takes(device: Virtio, frame: Frame): bool {
  if ((frame.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0 && !has(device, VIRTIO_NET_F_GUEST_CSUM)) return false;
  if (frame.gsoType == VIRTIO_NET_HDR_GSO_NONE) return true;
  const wanted = featureOf(frame.gsoType, VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_F_GUEST_ECN);
  return wanted != 0 && has(device, wanted);
}

/** Writes the header of a frame that the driver takes, which lies in so many of its buffers. */
export function write(device: Virtio, ptr: usize, frame: Frame, buffers: u32): void {
  const known = has(device, VIRTIO_NET_F_GUEST_CSUM) ? VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID : 0;
  const flags = frame.flags & known;
  memory.fill(ptr, 0, NET_HEADER_BYTES);
  store<u8>(ptr, flags, FLAGS);
  if ((flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0) {
    store<u16>(ptr, frame.csumStart, CSUM_START);
    store<u16>(ptr, frame.csumOffset, CSUM_OFFSET);
  }
  if (frame.gsoType != VIRTIO_NET_HDR_GSO_NONE) {
    store<u8>(ptr, frame.gsoType, GSO_TYPE);
    store<u16>(ptr, frame.gsoSize, GSO_SIZE);
    store<u16>(ptr, frame.headerBytes, HEADER_LENGTH);
  }
  store<u16>(ptr, buffers, NUM_BUFFERS);
}
