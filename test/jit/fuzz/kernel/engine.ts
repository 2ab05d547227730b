// The one place where the fuzzer's kernel side knows how the translator is reached.

import { Hart } from "../../../../hypervisor/cpu/hart";
import { Guest } from "../../../../hypervisor/guest/guest";
import * as translate from "../../../../hypervisor/jit/translate";

/** Says what becomes of this guest's hot code (TRANSLATOR_*), and after how many instructions code is hot. */
export function choose(guest: Guest, translator: u32, heat: u32): void {
  guest.translator = translator;
  guest.heat = heat;
}

/** Translates what has become hot on CPU 0, where this hart has just run. */
export function drain(hart: Hart, guest: Guest): void {
  translate.drain(hart, guest, 0);
}
