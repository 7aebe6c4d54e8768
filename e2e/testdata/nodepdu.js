// Reads {"parse": [frames in hexadecimal], "write": [{kind, address, text, at, octets}]} and answers what node-pdu makes of it:
// {"parsed": [...], "written": [[frames], ...]}. Started by nodepdu_test.go with node-pdu in NODE_PATH.
const { parse, Submit, Deliver, Report, utils } = require('node-pdu')
const input = JSON.parse(require('fs').readFileSync(0, 'utf8'))
const parsed = input.parse.map((frame) => {
  const m = parse(frame)
  const address = m.address.phone
  if (m instanceof Report) {
    return { kind: 'report', address, reference: m.reference, status: m.status, at: m.dateTime.getIsoString(), done: m.discharge.getIsoString() }
  }
  if (m instanceof Deliver) {
    return { kind: 'deliver', address, text: m.data.getText(), at: m.serviceCenterTimeStamp.getIsoString() }
  }
  return { kind: 'submit', address, text: m.data.getText(), report: m.type.statusReportRequest === 1 }
})
const written = input.write.map((m) => {
  const options = m.octets ? { dataCodingScheme: new utils.DCS({ textAlphabet: utils.DCS.ALPHABET_8BIT }) } : {}
  if (m.kind === 'deliver') {
    const d = new Deliver(m.address, m.text, options)
    d.setServiceCenterTimeStamp(new utils.SCTS(new Date(m.at), m.offset))
    return d.getPartStrings()
  }
  return new Submit(m.address, m.text, options).getPartStrings()
})
process.stdout.write(JSON.stringify({ parsed, written }))
