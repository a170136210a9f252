/** A proxy between client and server that cuts answers after the server has given them. */
import { createServer, connect, type Server, type Socket } from 'node:net';

export class CuttingProxy {
  readonly address: string;
  /** Paths of the requests whose answers were cut. */
  readonly cut: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.address = `http://127.0.0.1:${port}`;
  }

  /** @param chosen whether the answer to the nth request (from 1) of a path is cut */
  static async start(to: string, chosen: (path: string, n: number) => boolean): Promise<CuttingProxy> {
    const { hostname, port } = new URL(to);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const bound = server.address();
    if (typeof bound !== 'object' || bound === null) throw new Error('no port');
    const proxy = new CuttingProxy(server, bound.port);
    const counts = new Map<string, number>();
    server.on('connection', (client) => {
      const upstream = connect(Number(port), hostname);
      for (const socket of [client, upstream]) {
        proxy.#sockets.add(socket);
        socket
          .on('error', () => undefined)
          .on('close', () => {
            proxy.#sockets.delete(socket);
            client.destroy();
            upstream.destroy();
          });
      }
      let isCut = false;
      client.on('data', (bytes) => {
        const path = /^(?:GET|POST|PUT|PATCH|DELETE) (\S+) HTTP/.exec(bytes.toString('latin1'))?.[1];
        if (path !== undefined) {
          const n = (counts.get(path) ?? 0) + 1;
          counts.set(path, n);
          isCut = chosen(path, n);
          if (isCut) proxy.cut.push(path);
        }
        upstream.write(bytes);
      });
      // The server has committed before its first byte comes.
      upstream.on('data', (bytes) => (isCut ? client.destroy() : void client.write(bytes)));
    });
    return proxy;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
