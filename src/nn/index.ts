// Networks: modules, layers, initialisers. Activations are functions of tensors.

export { Dropout } from "./dropout.ts";
export { Flatten } from "./flatten.ts";
export {
  constantInitializer,
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  type Initializer,
  lecunNormal,
  lecunUniform,
  normalInitializer,
  onesInitializer,
  uniformInitializer,
  zerosInitializer,
} from "./initialize.ts";
export { Linear, type LinearOptions } from "./linear.ts";
export { type Layer, Module } from "./module.ts";
export { Parameter, type ParameterOptions, parameter } from "./parameter.ts";
export { Sequential } from "./sequential.ts";
