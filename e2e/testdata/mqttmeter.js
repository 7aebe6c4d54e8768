// A meter with the npm package mqtt, started by mqtt_test.go with the package in NODE_PATH. Arguments: URL, number, password, version of
// MQTT (4 or 5), and the number of the reading. It prints the acknowledgement, and the limits that the server announced.
const mqtt = require('mqtt')
const [url, number, password, version, seq] = process.argv.slice(2)
const client = mqtt.connect(url, { clientId: number, username: number, password, protocolVersion: Number(version), reconnectPeriod: 0 })
const fail = (err) => { console.error(String(err)); process.exit(1) }
let announced = {}
client.on('error', fail)
client.on('close', () => fail('the connection was closed'))
setTimeout(() => fail('no acknowledgement within 15 s'), 15000)
client.on('message', (topic, payload) => {
  if (topic === `m/${number}/down/ack` && JSON.parse(payload).seq >= Number(seq)) {
    process.stdout.write(JSON.stringify({ seq: JSON.parse(payload).seq, announced }), () => process.exit(0))
  }
})
client.on('connect', async (connack) => {
  announced = connack.properties || {}
  const granted = await client.subscribeAsync(`m/${number}/down/#`, { qos: 1 })
  if (granted[0].qos !== 1) fail('not subscribed')
  const record = { seq: Number(seq), at: Math.floor(Date.now() / 1000), up: 1000 * Number(seq), clock: 'valid', register_wh: 4321, balance_wh: 1234, relay: 'closed' }
  await client.publishAsync(`m/${number}/up/reading`, JSON.stringify(record), { qos: 1 })
})
