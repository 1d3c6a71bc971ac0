/**
 * Imported first by whatever loads libp2p: libp2p 3 (through it-queue, yamux and others) calls
 * `Promise.withResolvers`, which Node has from 22 on; on Node 20 it would not start. Goes when Node 20 goes.
 */
type Resolvers<T> = {
  promise: Promise<T>;
  resolve: (value: T | PromiseLike<T>) => void;
  reject: (reason?: unknown) => void;
};

function withResolvers<T>(this: PromiseConstructor): Resolvers<T> {
  let resolve!: Resolvers<T>['resolve'];
  let reject!: Resolvers<T>['reject'];
  const promise = new this<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
}

Promise.withResolvers ??= withResolvers;

export {};
