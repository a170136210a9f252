/** `train-data` -> `TRAIN_DATA`, as variables of a command are named. */
export const variableName = (name: string): string => name.toUpperCase().replaceAll('-', '_');
