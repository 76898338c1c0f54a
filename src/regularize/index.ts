// Penalties on weights.

export { type ElasticNetOptions, elasticNet, l1, l2, type Penalty, type PenaltyOptions, type Select } from "./penalty.ts";
