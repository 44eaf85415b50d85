// Runs smtp-server on a free loopback port and stores each message in the folder given as the first
// argument; with a second one, a folder of certificates, it offers STARTTLS and inside it logins of
// alice@mail.test. NNNNNNNN.eml holds the content as received (without the stuffed dots), NNNNNNNN.json
// the envelope. The number is told to the client in the final reply. Ends when standard input ends.
'use strict';
const fs = require('fs');
const path = require('path');
const { SMTPServer } = require('smtp-server');

const folder = process.argv[2];
const sizeLimit = 32 * 1024 * 1024;
let count = 0;

function refusal(code, text) {
  return Object.assign(new Error(text), { responseCode: code });
}

// Inside TLS REQUIRETLS is offered as well (RFC 8689).
const tls = (pki) => ({
  key: fs.readFileSync(path.join(pki, 'server.key')),
  cert: fs.readFileSync(path.join(pki, 'server.pem')),
  disabledCommands: [],
  authMethods: ['PLAIN', 'LOGIN', 'CRAM-MD5', 'XOAUTH2'],
  hideREQUIRETLS: false,
  onAuth(auth, session, done) {
    const right = auth.username === 'alice@mail.test' && (
      auth.method === 'CRAM-MD5' ? auth.validatePassword('secret')
        : auth.method === 'XOAUTH2' ? auth.accessToken === 'token.secret' : auth.password === 'secret');
    console.log(`AUTH ${auth.method} ${right ? 'accepted' : 'refused'}`);
    if (right) return done(null, { user: auth.username });
    if (auth.method !== 'XOAUTH2') return done(new Error('Invalid username or password'));
    return done(null, { data: { status: '401', schemes: 'bearer mac', scope: 'mail' } });
  },
});

const server = new SMTPServer({
  name: 'node.mail.test',
  size: sizeLimit,
  authOptional: true,
  disabledCommands: ['STARTTLS', 'AUTH'],
  disableReverseLookup: true,
  hidePIPELINING: false,
  hide8BITMIME: false,
  hideENHANCEDSTATUSCODES: false,
  ...(process.argv[3] ? tls(process.argv[3]) : {}),
  onMailFrom(address, session, done) {
    console.log(`MAIL ${address.address} ${JSON.stringify(address.args)}`);
    done();
  },
  onRcptTo(address, session, done) {
    console.log(`RCPT ${address.address}`);
    done(address.address.startsWith('nobody@') ? refusal(550, 'no such user') : null);
  },
  onData(stream, session, done) {
    const pieces = [];
    stream.on('data', (piece) => pieces.push(piece));
    stream.on('end', () => {
      const name = String(++count).padStart(8, '0');
      const { mailFrom, rcptTo } = session.envelope;
      const content = Buffer.concat(pieces);
      console.log(`DATA ${content.length} octets, ${name}`);
      fs.writeFileSync(path.join(folder, `${name}.eml`), content);
      fs.writeFileSync(path.join(folder, `${name}.json`), JSON.stringify({
        sender: mailFrom.address || '',
        recipients: rcptTo.map((recipient) => recipient.address),
      }));
      done(null, `saved as ${name}`);
    });
  },
});

server.on('error', (error) => console.log(`error: ${error.message}`));
server.listen(0, '127.0.0.1', () => console.log(`listening on ${server.server.address().port}`));
process.stdin.on('end', () => process.exit(0)).resume();
