// An Ethernet frame on its way through the machine: where its bytes are, and what virtio's header says of them.
//
// The first bytes have been copied to kernel memory, so that what was checked is what goes on. The rest may still be in the
// chain of the guest that sends it, and is copied once, to where it goes.

import { Guest } from "../guest/guest";

/** struct virtio_net_hdr (virtio 1.2, 5.1.6): flags, and kinds of segmentation. */
export const VIRTIO_NET_HDR_F_NEEDS_CSUM: u32 = 1;
export const VIRTIO_NET_HDR_F_DATA_VALID: u32 = 2;
export const VIRTIO_NET_HDR_GSO_NONE: u32 = 0;
export const VIRTIO_NET_HDR_GSO_TCPV4: u32 = 1;
export const VIRTIO_NET_HDR_GSO_TCPV6: u32 = 4;
export const VIRTIO_NET_HDR_GSO_ECN: u32 = 0x80;

/** Bytes of the header on the wire between driver and device: with num_buffers. */
export const NET_HEADER_BYTES: u32 = 12;

/** An Ethernet header; the largest frame: an IP packet of 65 535 bytes, with a tag. */
export const FRAME_LEAST: u32 = 14;
export const FRAME_MOST: u32 = 65535 + 18;
/** The least that is copied of a longer frame: Ethernet, two tags, IPv6 with some extensions or IPv4 and TCP with all options. */
export const HEAD_BYTES: u32 = 256;

/** `body` of a frame whose rest is still with its sender. */
export const IN_CHAIN: usize = 0;

@unmanaged @final
export class Frame {
  /** The copied first bytes. In front of them HEAD_ROOM bytes are free, for a tag. */
  head: usize;
  /** How many these are: `bytes`, or at least HEAD_BYTES. */
  headBytes: u32;
  /** Length of the whole frame, from the Ethernet header on. */
  bytes: u32;
  /** The bytes behind `headBytes`, in kernel memory; IN_CHAIN: in the chain that the device `nic` of `sender` has open. */
  body: usize;
  sender: usize;
  nic: usize;
  // struct virtio_net_hdr, checked: the offsets lie inside the frame, and inside `headBytes`.
  /** VIRTIO_NET_HDR_F_*. With NEEDS_CSUM the sum from csumStart on is still to be made and stored at csumStart + csumOffset. */
  flags: u32;
  /** VIRTIO_NET_HDR_GSO_*: the frame is to be cut into pieces of gsoSize bytes, each behind headers of headerBytes. */
  gsoType: u32;
  gsoSize: u32;
  headerBytes: u32;
  csumStart: u32;
  csumOffset: u32;
}

/** Free bytes in front of a head. */
export const HEAD_ROOM: usize = 16;

/** The guest that a frame IN_CHAIN comes from. */
export function senderOf(frame: Frame): Guest {
  return changetype<Guest>(frame.sender);
}
