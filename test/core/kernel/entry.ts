// Entry of the kernel tests that run on several CPUs at once.

import "../../support/kernel/abort";

export * from "./frames";
export * from "./map";
export * from "./notes";
export * from "./harts";
export * from "./tables";
