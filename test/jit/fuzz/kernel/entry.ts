// Entry of the kernel side of the fuzzer (test/jit/fuzz/pair.ts drives it).

import "../../../support/kernel/abort";

export { callCode } from "../../../../hypervisor/cpu/dispatch";
export { open as codeTrained } from "../../../../hypervisor/cpu/trained";
export * from "./pair";
