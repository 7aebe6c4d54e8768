// Reads {"parse": [frames in hexadecimal], "write": [{kind, address, text, at}]} and answers what node-pdu makes of it:
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
  if (m.kind === 'deliver') {
    const d = new Deliver(m.address, m.text)
    d.setServiceCenterTimeStamp(new utils.SCTS(new Date(m.at), m.offset))
    return d.getPartStrings()
  }
  return new Submit(m.address, m.text).getPartStrings()
})
process.stdout.write(JSON.stringify({ parsed, written }))
