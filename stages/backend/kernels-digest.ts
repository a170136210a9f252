/**
 * Digest of the sources in `kernels/`. It stands here so that they count as code of the stages that run on them, and an
 * addon of other kernels is refused; a test says what it has to be.
 */
export const kernelsDigest = '879bfbea74221b204ceff2836bec642535965eddb595861a93277633ddb73fd9';
