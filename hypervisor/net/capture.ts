// Capturing: copies of what passes a port, sent to an uplink of their own. What nobody reads there is lost, and holds up nobody.

import { NO_UPLINK } from "../abi";
import { Frame } from "../devices/frame";
import * as desk from "./desk";
import { Port } from "./port";
import { complete } from "./segment";
import * as uplink from "./uplink";

export function isCaptured(port: Port): bool {
  return port.capture != NO_UPLINK;
}

/** Sends a copy of a frame that lies in one piece, with all its sums. The desk's piece is overwritten. */
export function copy(port: Port, frame: Frame): void {
  const number = port.capture;
  if (number == NO_UPLINK) return;
  const copy = desk.clearPiece();
  const head = copy.head;
  memory.copy(head, frame.head, frame.bytes);
  copy.bytes = frame.bytes;
  copy.headBytes = frame.bytes;
  copy.flags = frame.flags;
  copy.csumStart = frame.csumStart;
  copy.csumOffset = frame.csumOffset;
  complete(copy);
  uplink.send(number, false, copy);
}
