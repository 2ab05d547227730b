// The desk of a physical CPU: the frame at hand, one that is written as an answer, and a piece of a frame that is too large.

import { FRAME_MOST, Frame, HEAD_ROOM, IN_CHAIN } from "../devices/frame";
import { DESKS, DESK_STRIDE } from "./layout";
import { Packet } from "./packet";

/** Offsets on a desk: structs, then room for bytes. A whole frame needs a little more than 64 KiB. */
const PACKET: usize = 0x080;
const REPLY: usize = 0x100;
const REPLY_PACKET: usize = 0x180;
const PIECE: usize = 0x200;
const REPLY_BYTES: usize = 0x400;
const REPLY_MOST: usize = 0x1000;
const FRAME_BYTES: usize = 0x2000;
const WHOLE_MOST: usize = 0x1_1000;
const PIECE_BYTES: usize = FRAME_BYTES + WHOLE_MOST;

/** In front of a frame's bytes there is room for a tag, and in front of that for virtio's header. */
const FRONT: usize = 64;

if (offsetof<Frame>() > 0x80 || offsetof<Packet>() > 0x80) ERROR("the structs of a desk overlap");
if (FRONT + <usize>FRAME_MOST > WHOLE_MOST || PIECE_BYTES + WHOLE_MOST > DESK_STRIDE) ERROR("a desk is too small");
if (REPLY_BYTES + REPLY_MOST > FRAME_BYTES) ERROR("an answer runs into the frame at hand");
if (FRONT < HEAD_ROOM + 16) ERROR("too little room in front of a frame");

/** The CPU that this worker is. */
let cpu: u32 = 0;

/** From now on this worker is that CPU. */
export function sit(number: u32): void {
  cpu = number;
}

/** Its desk. */
function place(): usize {
  return DESKS + <usize>cpu * DESK_STRIDE;
}

/** The frame at hand; `clear` says where its bytes go. */
export function frame(): Frame {
  return changetype<Frame>(place());
}

/** Its layers. */
export function packet(): Packet {
  return changetype<Packet>(place() + PACKET);
}

/** A frame that is written here: at most REPLY_MOST bytes. */
export function reply(): Frame {
  return changetype<Frame>(place() + REPLY);
}

export function replyPacket(): Packet {
  return changetype<Packet>(place() + REPLY_PACKET);
}

/** A copy, or a piece of the frame at hand. */
export function piece(): Frame {
  return changetype<Frame>(place() + PIECE);
}

function empty(frame: Frame, head: usize): Frame {
  memory.fill(changetype<usize>(frame), 0, offsetof<Frame>());
  frame.head = head;
  frame.body = IN_CHAIN;
  return frame;
}

/** The frame at hand, empty: a whole frame has room at its head. */
export function clear(): Frame {
  return empty(frame(), place() + FRAME_BYTES + FRONT);
}

/** The answer, empty. */
export function clearReply(): Frame {
  return empty(reply(), place() + REPLY_BYTES + FRONT);
}

/** The piece, empty: a whole frame has room at its head. */
export function clearPiece(): Frame {
  return empty(piece(), place() + PIECE_BYTES + FRONT);
}
