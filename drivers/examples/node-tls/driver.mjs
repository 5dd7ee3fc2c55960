// ipc-gauntlet driver for Node's built-in `tls` module: TLS 1.3, mutual certificates, messages framed inside
// the stream by a u32 big-endian length. Node 20, no packages. The protocol: docs/driver-protocol.md
import { join } from 'node:path';
import tls from 'node:tls';

const MAX_MESSAGE = 1 << 20; // Node's streams know no messages: this limit belongs to the framing below
const STATEMENT = {
  protocol: 1, name: 'node-tls', version: process.versions.node, language: 'JavaScript',
  profile: 'channel', roles: ['client', 'server'], transports: ['unix', 'tcp'],
  credentials: [{ kind: 'x509', keys: ['ed25519'], names: ['dns'] }],
  features: ['push', 'timeouts', 'channel-binding'],
  observes: ['established', 'delivered', 'rejected', 'closed'],
  limits: { max_message: MAX_MESSAGE },
  timeouts: { handshake_ms: 120_000 }, // of the server: a Node client has no handshake timer
  wire: { protocol: 'TLSv1.3', framing: 'tls' }, parsers: [],
};
const REASONS = [ // the first pattern that matches Node's error code names the reason class
  [/^CERT_REVOKED/, 'revoked'], [/HAS_EXPIRED|NOT_YET_VALID/, 'expired'], [/TIMEOUT|ETIMEDOUT/, 'timeout'],
  [/^(CERT|CRL|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|INVALID_)|ALTNAME|PEER_DID_NOT/, 'authentication'],
  [/ALERT_(UNKNOWN_CA|BAD_CERT|CERT)/, 'authentication'], [/BAD_RECORD_MAC|BAD_SIGNATURE/, 'integrity'],
  [/UNSUPPORTED_PROTOCOL|ALERT_PROTOCOL_VERSION/, 'downgrade'], [/^ERR_SSL/, 'protocol'],
  [/ECONNRESET|EPIPE|ERR_STREAM/, 'peer-closed'], [/TOO_LONG/, 'limit'], [/WRONG_PEER/, 'unauthorized'],
];
const why = ({ code, message }) => (
  { reason: REASONS.find(([pattern]) => pattern.test(code))?.[1] ?? 'unspecified', detail: `${code}: ${message}` });
const coded = (code, message = code) => Object.assign(new Error(message), { code });
const invalid = (what) => coded(-32602, what);
const unsupported = (what) => coded(-32001, `unsupported: ${what}`);

const write = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const newWorld = () => ({ listeners: new Map(), connections: new Map(), sockets: new Set() });
let world = newWorld(); // everything made since the last `reset`
let serial = 0;

class Connection {
  error = null; established = false; ended = false; local = false; buffer = Buffer.alloc(0);
  constructor(home, conn, socket, idle) {
    Object.assign(this, { socket, conn, notify: notifier(home) });
    home.connections.set(conn, this);
    track(home, socket);
    if (idle) socket.setTimeout(idle, () => socket.destroy(coded('IDLE_TIMEOUT')));
    socket.on('error', (error) => { this.error ??= error; }).on('close', () => this.onClose());
  }
  open(peer, listener) { // Node has accepted the peer's certificate
    const { socket, conn } = this;
    const binding = socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0)); // RFC 9266
    this.established = true;
    this.notify('established', { conn, listener, peer, version: socket.getProtocol(),
      suite: socket.getCipher().standardName, binding: binding.toString('base64') });
    socket.on('data', (chunk) => this.onData(chunk)).on('end', () => { this.ended = true; });
  }
  onData(chunk) {
    this.buffer = Buffer.concat([this.buffer, chunk]);
    while (this.buffer.length >= 4) {
      const length = this.buffer.readUInt32BE();
      if (length > MAX_MESSAGE) return this.socket.destroy(coded('MESSAGE_TOO_LONG'));
      if (this.buffer.length < 4 + length) return;
      this.notify('delivered', { conn: this.conn, payload: this.buffer.toString('base64', 4, 4 + length) });
      this.buffer = this.buffer.subarray(4 + length);
    }
  }
  onClose() {
    const { conn, error, established, local } = this;
    if (!established && !local) {
      const stage = error?.syscall === 'connect' ? 'transport' : 'handshake';
      return this.notify('rejected', { conn, stage, ...why(error ?? coded('CLOSED')) });
    }
    const cut = !this.ended || this.buffer.length > 0; // to Node any end of file is 'end', with close_notify or not
    const how = error ? 'error' : local ? 'local' : cut ? 'truncated' : 'clean';
    this.notify('closed', { conn, how, ...(error && why(error)) });
  }
}
const notifier = (home) => (method, members) => home === world // the past is silent
  && write({ method, params: { t: performance.now() / 1000, ...members } });
const track = (home, socket) => home.sockets.add(socket.once('close', () => home.sockets.delete(socket)));

function text(value) { if (typeof value === 'string') return value; throw invalid('text expected'); }
function find(map, name) { if (map.has(text(name))) return map.get(name); throw invalid(`unknown: ${name}`); }
function unused(map, name) { if (map.has(text(name))) throw invalid(`already in use: ${name}`); }
const pem = (label) => (der) => `-----BEGIN ${label}-----\n${text(der).replace(/.{64}/g, '$&\n')}\n-----END ${label}-----\n`;

function tlsOptions({ credential, trust, options = {} }, timers) {
  for (const it of [credential, trust]) if (it && it.kind !== 'x509') throw unsupported(`kind ${it.kind}`);
  for (const key of Object.keys(options)) if (key !== 'timeouts') throw unsupported(`option ${key}`);
  for (const key of Object.keys(options.timeouts ?? {})) if (!timers.includes(key)) throw unsupported(`timer ${key}`);
  return {
    minVersion: 'TLSv1.3', handshakeTimeout: options.timeouts?.handshake_ms,
    ca: (trust?.roots ?? []).map(pem('CERTIFICATE')), crl: (trust?.crls ?? []).map(pem('X509 CRL')),
    cert: credential?.chain.map(pem('CERTIFICATE')).join(''), key: credential && pem('PRIVATE KEY')(credential.private_key),
  };
}

const methods = {
  describe: () => STATEMENT,
  async listen({ listener, transport, directory, peer, ...rest }) {
    const home = world;
    unused(home.listeners, listener);
    if (!STATEMENT.transports.includes(transport)) throw unsupported(`transport ${transport}`);
    const place = transport === 'unix' ? { path: join(text(directory), `${++serial}`) } : { host: '127.0.0.1', port: 0 };
    const server = tls.createServer({ ...tlsOptions(rest, ['handshake_ms', 'idle_ms']), requestCert: true });
    const reject = (error) => notifier(home)('rejected', { listener, stage: 'handshake', ...why(error) });
    home.listeners.set(listener, server);
    server.on('connection', (raw) => track(home, raw)).on('tlsClientError', (error, socket) => {
      reject(socket.authorizationError ? coded(socket.authorizationError, error.message) : error);
      socket.destroy(); // after a handshake timeout Node leaves this to its user
    }).on('secureConnection', (socket) => {
      const name = /^DNS:([^,"]+)$/.exec(socket.getPeerCertificate().subjectaltname)?.[1];
      const connection = new Connection(home, `accepted-${++serial}`, socket, rest.options?.timeouts?.idle_ms);
      if (peer === undefined || name === peer) connection.open(name, listener);
      else socket.destroy(coded('WRONG_PEER', `${name}`));
    });
    await new Promise((done, fail) => server.once('listening', done).once('error', fail).listen(place));
    const { port } = server.address();
    return { address: transport === 'unix' ? { transport, ...place } : { transport, ...place, port } };
  },
  connect({ conn, address, service, peer = service, ...rest }) {
    unused(world.connections, conn);
    if (!STATEMENT.transports.includes(address?.transport)) throw unsupported(`transport ${address?.transport}`);
    const { path, host, port } = address;
    const checkServerIdentity = (_, certificate) => tls.checkServerIdentity(peer, certificate);
    const options = { path, host, port, servername: text(service), checkServerIdentity, ...tlsOptions(rest, ['idle_ms']) };
    const connection = new Connection(world, conn, tls.connect(options), rest.options?.timeouts?.idle_ms);
    connection.socket.once('secureConnect', () => connection.open(peer));
    return {};
  },
  send({ conn, payload, kind = 'event' }) {
    if (kind !== 'event') throw unsupported(`kind ${kind}`);
    const { socket } = find(world.connections, conn);
    const message = Buffer.from(text(payload), 'base64');
    if (message.length > MAX_MESSAGE) throw coded('MESSAGE_TOO_LONG');
    const frame = Buffer.concat([Buffer.alloc(4), message]);
    frame.writeUInt32BE(message.length);
    return new Promise((done, fail) => socket.write(frame, (error) => (error ? fail(error) : done({}))));
  },
  close({ conn, listener, mode = 'graceful' }) {
    if (listener !== undefined) { find(world.listeners, listener).close(); return {}; }
    const connection = find(world.connections, conn);
    connection.local ||= !connection.ended;
    if (mode === 'abort') connection.socket.destroy(); else connection.socket.end();
    return {};
  },
  async reset() {
    const { listeners, sockets } = world;
    world = newWorld();
    const closed = [...listeners.values()].map((server) => new Promise((done) => { server.close(done); }));
    for (const socket of sockets) closed.push(new Promise((done) => { socket.once('close', done).destroy(); }));
    await Promise.all(closed);
    return {};
  },
  shutdown: () => { setImmediate(() => process.exit()); return {}; },
};

async function handle(line) {
  let request = null;
  try {
    try { request = JSON.parse(line); } catch { throw coded(-32700, 'not JSON'); }
    if (request?.jsonrpc !== '2.0' || typeof request.method !== 'string') throw coded(-32600, 'not a request');
    if (!Object.hasOwn(methods, request.method)) throw coded(-32601, `no method ${request.method}`);
    write({ id: request.id, result: await methods[request.method](request.params ?? {}) });
  } catch (error) {
    const { code, message } = error instanceof TypeError ? invalid(error.message) : error;
    const answer = Number.isInteger(code) ? { code, message } : { code: -32000, message, data: why(error) };
    write({ id: request?.id ?? null, error: answer });
  }
}

let pending = '';
process.stdin.setEncoding('utf8').on('data', (chunk) => { // `readline` would also split at U+2028
  const lines = (pending + chunk).split('\n');
  pending = lines.pop();
  for (const line of lines) handle(line);
}).on('end', () => process.exit());
