/**
 * Digest of the sources in `kernels/`. It stands here so that they count as code of the stages that run on them, and an
 * addon of other kernels is refused; a test says what it has to be.
 */
export const kernelsDigest = 'cde07916b34f1f5d23ed203caa76ca18ee7183c825c80edba60b4540fa433346';
