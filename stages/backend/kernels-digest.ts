/**
 * Digest of the sources in `kernels/`. It stands here so that they count as code of the stages that run on them, and an
 * addon of other kernels is refused; a test says what it has to be.
 */
export const kernelsDigest = '197a9117637a6111d6153015a0f936359cadca523b0bfdbdd56068642453ec83';
