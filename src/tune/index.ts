// Choosing hyper-parameters.

export {
  type CrossValidation,
  type CrossValidationOptions,
  crossValidate,
  type LambdaScores,
  logSpaced,
  summarise,
} from "./crossValidate.ts";
