// Entry of the kernel tests of cpu/.

import "../../support/kernel/abort";

export * from "./budget";
export * from "./selfmodifying";
export * from "./lookaside";
export * from "./spaces";
export * from "./atomics";
export * from "./pairs";
