// A message centre made of npm's smpp, for smpp_test.go: it says what happens, a JSON object a line, and does what it is
// told, a JSON object a line. What a submitted text begins with decides how it is answered: "throttle" (the first time),
// "silent", "cut" (the connection breaks), anything else well. Message ids are hexadecimal in answers and decimal in
// receipts, as some centres have them.
const smpp = require('smpp')
const say = (o) => process.stdout.write(JSON.stringify(o) + '\n')
let session
let id = 0xabc0
const throttled = new Set()

const deliver = (fields, note) => {
  const again = () => session && session.deliver_sm(fields, (answer) => {
    say({ event: 'answered', command: 'deliver_sm', status: answer.command_status, note })
    if (answer.command_status !== 0) setTimeout(again, 100)
  })
  again()
}

const receipt = (to, from, n) => deliver({
  source_addr: to, source_addr_ton: 1, source_addr_npi: 1, destination_addr: from, esm_class: 4,
  short_message: `id:${n} sub:001 dlvrd:001 submit date:2611201630 done date:2611201631 stat:DELIVRD err:000 text:`,
  receipted_message_id: String(n), message_state: 2
}, 'receipt')

const server = smpp.createServer((s) => {
  s.on('error', () => {})
  s.on('close', () => say({ event: 'close' }))
  for (const bind of ['bind_transceiver', 'bind_transmitter', 'bind_receiver']) {
    s.on(bind, (p) => {
      if (bind !== 'bind_transmitter') session = s
      s.send(p.response({ system_id: 'npm' }))
      say({ event: 'bind', command: bind, system_id: p.system_id, password: p.password, version: p.interface_version })
    })
  }
  s.on('enquire_link', (p) => { s.send(p.response()); say({ event: 'enquire_link' }) })
  s.on('unbind', (p) => { s.send(p.response()); say({ event: 'unbind' }) })
  s.on('submit_sm', (p) => {
    const sm = p.short_message || {}
    const text = p.message_payload ? p.message_payload.message : sm.message
    const header = sm.udh ? Buffer.concat([].concat(sm.udh)).toString('hex') : ''
    say({ event: 'submit', to: p.destination_addr, from: p.source_addr, text: String(text), header, coding: p.data_coding, esm_class: p.esm_class, registered: p.registered_delivery, validity_s: p.validity_period ? Math.round((p.validity_period - Date.now()) / 1000) : 0 })
    if (String(text).startsWith('silent')) return
    if (String(text).startsWith('cut')) { s.socket.destroy(); return }
    if (String(text).startsWith('throttle') && !throttled.has(text)) {
      throttled.add(text)
      s.send(p.response({ command_status: smpp.ESME_RTHROTTLED }))
      return
    }
    const n = id++
    s.send(p.response({ message_id: n.toString(16).toUpperCase() }))
    if (p.registered_delivery & 1) receipt(p.destination_addr, p.source_addr, n)
  })
})
server.listen(0, '127.0.0.1', () => say({ event: 'listening', port: server.address().port }))

require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const o = JSON.parse(line)
  if (o.do === 'deliver') {
    deliver({ source_addr: o.from, source_addr_ton: 1, source_addr_npi: 1, destination_addr: o.to, short_message: o.text, data_coding: o.coding || 0 }, o.text)
  } else if (o.do === 'enquire') {
    session.enquire_link({}, (answer) => say({ event: 'answered', command: 'enquire_link', status: answer.command_status }))
  } else if (o.do === 'unbind') {
    session.unbind({}, (answer) => { say({ event: 'answered', command: 'unbind', status: answer.command_status }); session.close() })
  }
}).on('close', () => process.exit(0))
