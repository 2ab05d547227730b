// Translated code that the image was trained for: handed to the kernel.

import { E_UNSUPPORTED, OK } from "../../hypervisor/abi";
import * as env from "./env";
import { fail, say, sent } from "./say";
import { trained } from "./training";

/** Bytes of memory that it needs; 0: the image was not trained. */
export function bytes(): u32 {
  return trained(0);
}

/** Puts it to `ptr`, where `bytes` are free for good, and tells the kernel, which has booted. */
export function use(ptr: usize): void {
  if (bytes() == 0) return;
  const length = trained(ptr);
  const code = env.codeTrained(ptr, length);
  if (code == E_UNSUPPORTED) {
    say("This runtime's multiply-adds round twice, so trained code that has any is interpreted; train the image with --no-relaxed-simd.");
    sent();
  } else if (code != OK) {
    say("The image was trained with another version of Orlop; train it anew.");
    fail();
  }
}
