/**
 * Digest of the sources in `kernels/`. It stands here so that they count as code of the stages that run on them, and an
 * addon of other kernels is refused; a test says what it has to be.
 */
export const kernelsDigest = '0add3a83ab86189af165ce32a4b0642492d695399377cacfa6e5e2a054fdee4a';
