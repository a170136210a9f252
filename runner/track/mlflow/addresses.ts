/** Addresses of pages that a person opens. Without `workflowType` the pages open in their mode for traces. */
const machineLearning = 'workflowType=machine_learning';

export const experimentPage = (address: string, experiment: string): string =>
  `${address}/#/experiments/${experiment}/runs?${machineLearning}`;

export const runPage = (address: string, experiment: string, run: string): string =>
  `${address}/#/experiments/${experiment}/runs/${run}?${machineLearning}`;
