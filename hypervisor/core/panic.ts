// The kernel's own mistakes end here: an epitaph for the host, then a trap. The instance is dead afterwards.

import * as host from "../host";
import { MACHINE, MACHINE_SIZE } from "./layout";

/** The epitaph's place: the last 256 bytes of the machine's own state. */
const EPITAPH: usize = MACHINE + MACHINE_SIZE - 256;

/** Where `assert` and `throw` lead (asc --use abort): only the position is told, as the kernel has no strings. */
export function abort(_message: string | null, _file: string | null, line: u32, column: u32): void {
  panic(line, column);
}

/** Dies with two numbers: a line or code, and what it was about. */
export function panic(code: u32, detail: u32): void {
  store<u32>(EPITAPH, code);
  store<u32>(EPITAPH + 4, detail);
  host.panic(EPITAPH, 8);
  unreachable();
}
