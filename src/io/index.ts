// Files as bytes: safetensors. Reading and writing disks is in the Node entry.

export { decodeSafetensors, encodeSafetensors, type RawTensor, type Safetensors } from "./safetensors.ts";
export { assignTensors, assignWeights, type Named, type Naming, readTensors, weightsOf } from "./tensors.ts";
