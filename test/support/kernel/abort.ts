// Where failed asserts of kernel tests lead (asc --use abort): the test host gets message, file and position, then a trap.

import { fail } from "./outside";

export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  fail(changetype<usize>(message), changetype<usize>(file), line, column);
  unreachable();
}
