/** The one place where TensorFlow.js is loaded: core, gradients and the `cpu` backend; types come from the package itself. */
import * as tf from '@tensorflow/tfjs';

export { tf };
