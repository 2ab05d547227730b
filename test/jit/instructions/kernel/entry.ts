// Entry of the kernel tests of translated instructions.

import "../../../support/kernel/abort";

export * from "./atomics";
export * from "./csrs";
export * from "./integers";
export * from "./floats";
