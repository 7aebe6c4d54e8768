// Reads {"sign": [{scheme, secret, id, stamp, body}], "check": [{scheme, secret, headers, body, at}]} and answers what the packages
// standardwebhooks and stripe and Node's own crypto make of it: {"signed": [headers, ...], "fits": [true, ...]}.
// Started by signatures_test.go with both packages in NODE_PATH.
const { createHmac, timingSafeEqual } = require('crypto')
const { Webhook } = require('standardwebhooks')
const stripe = require('stripe')('sk_test_none')
const input = JSON.parse(require('fs').readFileSync(0, 'utf8'))
const hex = (kind, key, text) => createHmac(kind, key).update(text).digest('hex')
const same = (a, b) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))

const sign = {
  webhook: (m) => ({ 'webhook-id': m.id, 'webhook-timestamp': m.stamp, 'webhook-signature': new Webhook(m.secret).sign(m.id, new Date(m.stamp * 1000), m.body) }),
  stripe: (m) => ({ 'stripe-signature': stripe.webhooks.generateTestHeaderString({ payload: m.body, secret: m.secret, timestamp: Number(m.stamp) }) }),
  paystack: (m) => ({ 'x-paystack-signature': hex('sha512', m.secret, m.body) }),
  sms: (m) => ({ 'paywatt-timestamp': m.stamp, 'paywatt-signature': 'v1=' + hex('sha256', m.secret, `${m.stamp}.in.${m.body}`) }),
}
const check = {
  webhook: (m) => new Webhook(m.secret).verify(m.body, m.headers),
  stripe: (m) => stripe.webhooks.constructEvent(m.body, m.headers['stripe-signature'], m.secret, 300, undefined, Number(m.at) * 1000),
  paystack: (m) => { if (!same(m.headers['x-paystack-signature'], hex('sha512', m.secret, m.body))) throw new Error('differs') },
  sms: (m) => { if (!same(m.headers['paywatt-signature'], 'v1=' + hex('sha256', m.secret, `${m.headers['paywatt-timestamp']}.in.${m.body}`))) throw new Error('differs') },
}
const fits = (m) => { try { check[m.scheme](m); return true } catch { return false } }
process.stdout.write(JSON.stringify({ signed: input.sign.map((m) => sign[m.scheme](m)), fits: input.check.map(fits) }))
