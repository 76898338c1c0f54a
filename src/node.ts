// The Node entry: data, weights and logs on disk.

export { type Mnist, readCsv, readIdx, readMnist, readTable } from "./data/node/read.ts";
export { writeFileAtomically } from "./io/node/file.ts";
export { type EventLog, openEventLog } from "./io/node/log.ts";
export { loadWeights, saveWeights } from "./io/node/weights.ts";
