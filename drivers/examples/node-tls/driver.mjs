// ipc-gauntlet driver for Node's built-in `tls` module: TLS 1.3, mutual certificates, messages framed inside
// the stream by a u32 big-endian length. Node 20, no packages. The protocol: docs/driver-protocol.md
import tls from 'node:tls';
const MAX_MESSAGE = 1 << 20; // Node's streams know no messages: this limit belongs to the framing below
const STATEMENT = {
  protocol: 1, name: 'node-tls', version: process.versions.node, language: 'JavaScript', profile: 'channel',
  roles: ['client', 'server'], transports: ['unix', 'tcp'], limits: { max_message: MAX_MESSAGE }, parsers: [],
  credentials: [{ kind: 'x509', keys: ['ed25519'], names: ['dns'] }],
  features: ['push', 'timeouts', 'channel-binding'], observes: ['established', 'delivered', 'rejected', 'closed'],
  wire: { protocol: 'TLSv1.3', framing: 'tls' }, timeouts: { handshake_ms: 120_000 }, // only servers have this timer
};
const REASONS = [ // the first pattern that matches Node's error code names the reason class
  [/REVOKED/, 'revoked'], [/EXPIRED|NOT_YET_VALID/, 'expired'], [/TIMEOUT|ETIMEDOUT/, 'timeout'], [/TOO_LONG/, 'limit'],
  [/^(CERT|CRL|UNABLE|SELF_SIGNED|DEPTH|INVALID_)|ALTNAME|DID_NOT_RETURN|UNKNOWN_CA|ALERT.*CERT/, 'authentication'],
  [/BAD_RECORD_MAC|BAD_SIGNATURE/, 'integrity'], [/UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION/, 'downgrade'],
  [/^ERR_SSL/, 'protocol'], [/^ERR_OSSL/, 'malformed'], [/RESET|PIPE|STREAM/, 'peer-closed'], [/WRONG/, 'unauthorized'],
];
const why = ({ code, message }) => (
  { reason: REASONS.find(([pattern]) => pattern.test(code))?.[1] ?? 'unspecified', detail: `${code}: ${message}` });
const failure = (code, message = code) => Object.assign(new Error(message), { code });
const unsupported = (what) => failure(-32001, `unsupported: ${what}`);

const write = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const newWorld = () => ({ listeners: new Map(), connections: new Map(), sockets: new Set() });
let world = newWorld(); // everything made since the last `reset`; no notification comes from an older world
const notify = (home, method, members) => home === world
  && write({ method, params: { t: process.uptime(), ...members } });
function track({ sockets }, socket) { sockets.add(socket); return socket.once('close', () => sockets.delete(socket)); }
function find(map, name) { if (map.has(name)) return map.get(name); throw failure(-32602, `unknown: ${name}`); }

function newConnection(conn, socket, idle) {
  const home = world;
  const connection = { socket, open, local: false };
  let established = false, error = null, buffer = Buffer.alloc(0);
  function open(peer, listener) { // Node has accepted the peer's certificate
    established = true;
    const binding = socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0)); // RFC 9266
    notify(home, 'established', { conn, listener, peer, version: socket.getProtocol(),
      suite: socket.getCipher().standardName, binding: binding.toString('base64') });
    socket.on('data', deliver);
  }
  function deliver(chunk) {
    buffer = Buffer.concat([buffer, chunk]);
    while (buffer.length >= 4) {
      const end = 4 + buffer.readUInt32BE();
      if (end > 4 + MAX_MESSAGE) return socket.destroy(failure('MESSAGE_TOO_LONG'));
      if (buffer.length < end) return;
      notify(home, 'delivered', { conn, payload: buffer.toString('base64', 4, end) });
      buffer = buffer.subarray(end);
    }
  }
  function conclude() {
    const stage = error?.syscall === 'connect' ? 'transport' : 'handshake';
    const how = error ? 'error' : connection.local ? 'local' : buffer.length ? 'truncated' : 'clean'; // or a bare FIN
    if (established || connection.local) notify(home, 'closed', { conn, how, ...(error && why(error)) });
    else notify(home, 'rejected', { conn, stage, ...why(error ?? failure('CLOSED')) });
  }
  track(home, socket).setTimeout(idle ?? 0, () => socket.destroy(failure('IDLE_TIMEOUT')));
  socket.on('error', (cause) => { error ??= cause; }).on('close', conclude);
  home.connections.set(conn, connection);
  return connection;
}

const pem = (kind) => (der) => `-----BEGIN ${kind}-----\n${der.match(/.{1,64}/g).join('\n')}\n-----END ${kind}-----\n`;
const [certificate, revocations, privateKey] = ['CERTIFICATE', 'X509 CRL', 'PRIVATE KEY'].map(pem); // Node takes no DER
function tlsOptions(transport, { credential, trust, options = {} }, timers) {
  if (!STATEMENT.transports.includes(transport)) throw unsupported(`transport ${transport}`);
  for (const it of [credential, trust]) if (it && it.kind !== 'x509') throw unsupported(`kind ${it.kind}`);
  for (const key of Object.keys(options)) if (key !== 'timeouts') throw unsupported(`option ${key}`);
  for (const key of Object.keys(options.timeouts ?? {})) if (!timers.includes(key)) throw unsupported(`timer ${key}`);
  return { // `rejectUnauthorized` is Node's default
    minVersion: 'TLSv1.3', handshakeTimeout: options.timeouts?.handshake_ms,
    ca: (trust?.roots ?? []).map(certificate), crl: (trust?.crls ?? []).map(revocations), // an empty `ca` trusts nobody
    cert: credential?.chain.map(certificate).join(''), key: credential && privateKey(credential.private_key),
  };
}

const methods = {
  describe: () => STATEMENT,
  async listen({ listener, transport, directory, peer, ...rest }) {
    const home = world;
    const server = tls.createServer({ ...tlsOptions(transport, rest, ['handshake_ms', 'idle_ms']), requestCert: true });
    home.listeners.set(listener, server);
    const reject = (socket, code, message) => {
      notify(home, 'rejected', { listener, stage: 'handshake', ...why({ code, message }) });
      socket.destroy(); // after a handshake timeout Node leaves this to its user
    };
    server.on('connection', (raw) => track(home, raw));
    server.on('tlsClientError', (e, socket) => reject(socket, socket.authorizationError ?? e.code, e.message));
    server.on('secureConnection', (socket) => {
      const name = /^DNS:([^,"]+)$/.exec(socket.getPeerCertificate().subjectaltname)?.[1];
      if (peer !== undefined && peer !== name) return reject(socket, 'WRONG_PEER', name);
      newConnection(`accepted-${home.connections.size}`, socket, rest.options?.timeouts?.idle_ms).open(name, listener);
    });
    const places = { unix: { path: `${directory}/${home.listeners.size}` }, tcp: { host: '127.0.0.1', port: 0 } };
    await new Promise((done, fail) => server.once('listening', done).once('error', fail).listen(places[transport]));
    return { address: { transport, ...places[transport], port: server.address().port } };
  },
  connect({ conn, address: { transport, path, host, port }, service, peer = service, ...rest }) {
    const options = { ...tlsOptions(transport, rest, ['idle_ms']), path, host, port, servername: service,
      checkServerIdentity: (_, certificate) => tls.checkServerIdentity(peer, certificate) };
    const { socket, open } = newConnection(conn, tls.connect(options), rest.options?.timeouts?.idle_ms);
    socket.once('secureConnect', () => open(peer));
  },
  send({ conn, payload, kind = 'event' }) {
    if (kind !== 'event') throw unsupported(`kind ${kind}`);
    const frame = Buffer.concat([Buffer.alloc(4), Buffer.from(payload, 'base64')]);
    if (frame.toString('base64', 4) !== payload) throw failure(-32602, 'bad base64');
    if (frame.length > 4 + MAX_MESSAGE) throw failure('MESSAGE_TOO_LONG');
    frame.writeUInt32BE(frame.length - 4);
    const { socket } = find(world.connections, conn); // its `write` calls back when the bytes left the process
    return new Promise((done, fail) => socket.write(frame, (error) => (error ? fail(error) : done({}))));
  },
  close({ conn, listener, mode = 'graceful' }) {
    if (listener !== undefined) return void find(world.listeners, listener).close();
    const connection = find(world.connections, conn);
    connection.local ||= !connection.socket.readableEnded;
    if (mode === 'abort') connection.socket.destroy(); else connection.socket.end();
  },
  async reset() {
    const { listeners, sockets } = world;
    world = newWorld();
    const closed = [...listeners.values()].map((server) => new Promise((done) => { server.close(done); }));
    for (const socket of sockets) closed.push(new Promise((done) => { socket.once('close', done).destroy(); }));
    await Promise.all(closed);
  },
  shutdown: () => { setImmediate(() => process.exit()); },
};

async function handle(line) {
  let request = null;
  try {
    request = JSON.parse(line);
    const { jsonrpc, id, method, params = {} } = request ?? {};
    if (jsonrpc !== '2.0' || id === undefined || typeof method !== 'string') throw failure(-32600, 'not a request');
    if (!Object.hasOwn(methods, method)) throw failure(-32601, `no method ${method}`);
    write({ id, result: (await methods[method](params)) ?? {} });
  } catch (error) {
    const code = { SyntaxError: -32700, TypeError: -32602 }[error.name] ?? error.code;
    const answer = Number.isInteger(code) ? { code } : { code: -32000, data: why(error) };
    write({ id: request?.id ?? null, error: { message: error.message, ...answer } });
  }
}
let pending = '';
process.stdin.setEncoding('utf8').on('data', (chunk) => { // `readline` would also split at U+2028
  const lines = (pending + chunk).split('\n');
  pending = lines.pop();
  lines.forEach(handle);
}).on('end', () => process.exit());
