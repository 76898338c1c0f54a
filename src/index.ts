// Downhill's public names, re-exports only.

export { type DeviceName, device, setDevice } from "./engine/devices.ts";
export { Setting } from "./engine/setting.ts";
export { type Stats, stats } from "./engine/stats.ts";
export type { DType } from "./graph/dtype.ts";
export * from "./tensor/index.ts";
export { DownhillError, InternalError, UnsupportedError, UserError } from "./util/errors.ts";
