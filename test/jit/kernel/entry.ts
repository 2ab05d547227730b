// Entry of the kernel side of the fuzzer (test/jit/fuzz/pair.ts drives it).

import "../../support/kernel/abort";

export * from "./pair";
