/** A library that loads is not yet one that computes. */
import { tf } from './tf.js';

/** Multiplies and differentiates on the running backend; what is wrong, or undefined. */
export function proveEngine(): string | undefined {
  const product = tf.tidy(() => [...tf.matMul(tf.ones([2, 3]), tf.ones([3, 2])).dataSync()]);
  if (product.join() !== '3,3,3,3')
    return `computes wrong products: 3 3 3 3 expected, ${product.join(' ')} found`;
  const slope = tf.tidy(() => {
    const loss = tf.grad((x) => x.square().sum());
    return [...loss(tf.tensor1d([1, -2, 3])).dataSync()];
  });
  if (slope.join() !== '2,-4,6') return `computes wrong gradients: 2 -4 6 expected, ${slope.join(' ')} found`;
  return undefined;
}
