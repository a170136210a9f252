/**
 * Digest of the sources in `kernels/`. It stands here so that they count as code of the stages that run on them, and an
 * addon of other kernels is refused; a test says what it has to be.
 */
export const kernelsDigest = '76d83fe675c72d417cfe2e80084c3fc9272324c0aaaebb7a9e9a4e233f2a31db';
