// Function transforms: batching, forward mode, rematerialisation, gradients of one's own. `downhill/transforms`.

export { hessianVectorProduct, jacobian, jvp } from "./tensor/jvp.ts";
export { type Backward, customGradient, rematerialize } from "./tensor/rematerialize.ts";
export { type MapAxes, type MapOptions, vmap } from "./tensor/vmap.ts";
