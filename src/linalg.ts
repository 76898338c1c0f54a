// Products of matrices and tensors beyond `matmul`, norms and distances of vectors. `downhill/linalg`.

export { addmm, addmv, baddbmm, bilinear, einsum, kron, tensordot } from "./tensor/contract.ts";
export type { AddProductOptions, DotAxes } from "./tensor/nodes/contract.ts";
export * from "./tensor/vector.ts";
