// All kernel tests of the schedule's policy: each exported function is one.

import "../../../support/kernel/abort";
export * from "./fair";
export * from "./shares";
export * from "./limits";
export * from "./latency";
export * from "./infeasible";
export * from "./affinity";
export * from "./states";
export * from "./fuzz";
export * from "./replay";
