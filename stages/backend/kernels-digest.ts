/**
 * Digest of the sources in `kernels/`. It stands here so that they count as code of the stages that run on them, and an
 * addon of other kernels is refused; a test says what it has to be.
 */
export const kernelsDigest = '0c1d2725e6bc4641fc946681800b318d4c5fd323d3845cae131b4d673bb8fc90';
