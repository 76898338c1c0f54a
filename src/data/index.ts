// Data: tables, IDX files, splits, folds, batches, preprocessing. Reading files is in the Node entry.

export { type Csv, type CsvOptions, isMissing, parseCsv } from "./csv.ts";
export { type IdxArray, parseIdx } from "./idx.ts";
export {
  applyPreprocessing,
  type CategoryFeature,
  describePreprocessing,
  describeUnseen,
  type Feature,
  fitPreprocessing,
  type Matrix,
  type NumberFeature,
  type Preprocessing,
} from "./preprocess.ts";
export {
  type BatchOptions,
  batchIndices,
  type Fold,
  type FoldOptions,
  kFold,
  type Split,
  type SplitOptions,
  splitSamples,
} from "./split.ts";
export {
  type CategoryColumn,
  type Column,
  columnOf,
  missingIn,
  type NumberColumn,
  type Table,
  type TableOptions,
  tableFromCsv,
  takeRows,
} from "./table.ts";
export {
  type ClassTarget,
  encodeTarget,
  fitTarget,
  type NumberTarget,
  recogniseTask,
  rowsWithTarget,
  type Target,
  type Task,
} from "./target.ts";
