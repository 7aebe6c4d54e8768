package rogue

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/paywatt/paywatt/api/apiv1"
)

// usual is the reason that P gives for everything.
const usual = "requested by the customer"

func meterMoves() []move {
	wallet := func(p *place) bool { return p.wallet }
	return []move{
		{"help P's meter by a command", 6, func(r *Run, d *rand.Rand) {
			r.command(r.connected(d, P), one(d, []string{"clear_tamper", "clear_tamper", "connect", "read"}), nil)
		}},
		{"harm others by a command", 4, func(r *Run, d *rand.Rand) {
			r.command(r.connected(d, "others"), one(d, []string{"disconnect", "clear_credit", "clear_credit", "reset_demand"}), nil)
		}},
		{"force a connect", 2, func(r *Run, d *rand.Rand) { r.command(r.connected(d, P), "connect", map[string]any{"force": true}) }},
		{"cancel a token", 5, func(r *Run, d *rand.Rand) { r.cancel(d) }},
		{"make a service token", 6, func(r *Run, d *rand.Rand) { r.service(d) }},
		{"make free units", 5, func(r *Run, d *rand.Rand) {
			p := r.target(d)
			n := apiv1.NewTokens{Kind: one(d, []string{"free", "replacement"}), UnitsWh: 1_000 * int64(1+d.IntN(50)), ReasonCode: "compensation", Reason: usual}
			r.ask(r.p(), "POST", "/v1/meters/"+p.number+"/tokens", n)
		}},
		{"send a token to its meter", 3, func(r *Run, d *rand.Rand) { r.push(d) }},
		{"change a supply", 4, func(r *Run, d *rand.Rand) {
			p := one(d, r.of("", wallet))
			yes, grace := true, int64(1_000_000)
			c := apiv1.SupplyChange{Protected: &yes, Reason: usual}
			if d.IntN(3) == 0 {
				c = apiv1.SupplyChange{GraceWh: &grace, Reason: usual}
			}
			r.send(r.p(), p.number, "/v1/meters/"+p.number+"/supply", c)
		}},
		{"configure a meter", 3, func(r *Run, d *rand.Rand) {
			lent, always, watts := int64(90_000), []string{"all 00:00-24:00"}, int64(100_000)
			c := one(d, []apiv1.MeterValues{{ECLimitWh: &lent, ECThresholdWh: &lent}, {Friendly: &always}, {LifelineW: &watts}})
			p := r.connected(d, P)
			r.send(r.p(), p.number, "/v1/meters/"+p.number+"/config", apiv1.MeterConfigChange{Set: c, Reason: usual})
		}},
		{"restore a supply", 2, func(r *Run, d *rand.Rand) {
			p := one(d, r.of(P, wallet))
			r.send(r.p(), p.number, "/v1/meters/"+p.number+"/restore", apiv1.Reason{Reason: usual})
		}},
		{"restore a supply at night", 3, func(r *Run, d *rand.Rand) {
			p := one(d, r.of(P, wallet))
			n := apiv1.NewEmergency{Hours: one(d, []int64{1, 12, 24}), EnergyWh: 1000 * int64(1+d.IntN(100)), Reason: usual}
			r.send(r.p(), p.number, "/v1/meters/"+p.number+"/emergency", n)
		}},
		{"cut a supply", 1, func(r *Run, d *rand.Rand) {
			p := one(d, r.of("", wallet))
			r.send(r.p(), p.number, "/v1/meters/"+p.number+"/cut", apiv1.Reason{Reason: usual})
		}},
		{"set the highest power", 3, func(r *Run, d *rand.Rand) {
			p, w := one(d, r.of(P, wallet)), one(d, []int64{1, 100, 1_000_000})
			r.ask(r.p(), "POST", "/v1/meters/"+p.number, apiv1.MeterChange{MaxW: &w, Reason: usual})
		}},
		{"set the register", 3, func(r *Run, d *rand.Rand) {
			p := one(d, r.of(P, wallet))
			wh := r.houses[p.number].register() + int64(d.IntN(2))*1000
			r.ask(r.p(), "POST", "/v1/meters/"+p.number+"/rebase", apiv1.Rebase{RegisterWh: &wh, Reason: usual})
		}},
		{"decide about a reading", 3, func(r *Run, d *rand.Rand) { r.doubt(d) }},
		{"add a prepaid meter", 2, func(r *Run, d *rand.Rand) {
			r.add(one(d, []string{"prepay_wallet", "prepay_token"}), "domestic", usualImpulses)
		}},
		{"add a meter on the cheap tariff", 2, func(r *Run, d *rand.Rand) {
			r.add(one(d, []string{"prepay_wallet", "prepay_token"}), "lifeline", usualImpulses)
		}},
		{"change the tariff of P's meter", 3, func(r *Run, d *rand.Rand) {
			p, to := one(d, r.of(P, nil)), one(d, []string{"lifeline", "lifeline", "domestic"})
			r.send(r.p(), p.number, "/v1/meters/"+p.number+"/tariff", apiv1.NewTariffChange{Tariff: to, Reason: usual})
		}},
		{"add a meter that counts too little", 2, func(r *Run, d *rand.Rand) {
			r.add(one(d, []string{"prepay_wallet", "prepay_token"}), "domestic", 10*usualImpulses)
		}},
		{"add a postpaid meter", 3, func(r *Run, d *rand.Rand) { r.add("postpay", "domestic", usualImpulses) }},
		{"adopt a device that reports nothing", 2, func(r *Run, d *rand.Rand) { r.adopt(d) }},
	}
}

// connected draws a connected token meter of a party.
func (r *Run) connected(d *rand.Rand, owner string) *place {
	return one(d, r.of(owner, func(p *place) bool { return p.online && !p.wallet }))
}

// command sends a command to a connected meter.
func (r *Run) command(p *place, kind string, args map[string]any) {
	r.send(r.p(), p.number, "/v1/meters/"+p.number+"/commands", apiv1.NewCommand{Type: kind, Reason: usual, Args: args})
}

// cancel makes a token of a connected meter worthless.
func (r *Run) cancel(d *rand.Rand) {
	p := r.connected(d, "others")
	var list apiv1.List[apiv1.MeterToken]
	r.ask(r.p(), "GET", "/v1/meters/"+p.number+"/tokens", nil).into(&list)
	if len(list.Data) == 0 {
		return
	}
	tok := list.Data[min(len(list.Data)-1, d.IntN(3))]
	r.send(r.p(), p.number, "/v1/meters/"+p.number+"/commands",
		apiv1.NewCommand{Type: "cancel_token", Reason: usual, Args: map[string]any{"tid": tok.TID, "base_date": tok.BaseDate}})
}

// service makes a token that changes a meter instead of its credit, and sends it there.
func (r *Run) service(d *rand.Rand) {
	p := r.connected(d, "others")
	n := apiv1.NewTokens{Kind: one(d, []string{"key_change", "key_change", "power_limit", "clear_credit", "clear_tamper"}), ReasonCode: "other", Reason: usual}
	if n.Kind == "clear_tamper" {
		p = r.connected(d, P)
	}
	switch n.Kind {
	case "key_change":
		n.Key = &apiv1.NextKey{TI: "02"}
	case "power_limit":
		n.PowerW = 100
	case "clear_tamper":
		n.ReasonCode = "tamper_fixed"
	}
	var made apiv1.Tokens
	if a := r.ask(r.p(), "POST", "/v1/meters/"+p.number+"/tokens", n); a.ok() {
		a.into(&made)
		r.pushed(p.number)
	}
}

// pushed sends the newest tokens of a meter to it, the oldest of them first.
func (r *Run) pushed(number string) {
	var list apiv1.List[apiv1.MeterToken]
	r.ask(r.p(), "GET", "/v1/meters/"+number+"/tokens?limit=4", nil).into(&list)
	for i := len(list.Data) - 1; i >= 0; i-- {
		if list.Data[i].State == "issued" {
			r.send(r.p(), number, "/v1/meters/"+number+"/recharges", apiv1.NewRecharge{Token: list.Data[i].ID, By: "mqtt"})
		}
	}
}

func (r *Run) push(d *rand.Rand) {
	if p := one(d, r.of("", func(p *place) bool { return p.online && !p.wallet })); p != nil {
		r.pushed(p.number)
	}
}

// doubt decides about a reading of P's that is held for review.
func (r *Run) doubt(d *rand.Rand) {
	p := one(d, r.of(P, func(p *place) bool { return p.wallet }))
	var list apiv1.List[apiv1.Quarantined]
	r.ask(r.p(), "GET", "/v1/quarantine?meter="+p.number, nil).into(&list)
	if len(list.Data) == 0 {
		return
	}
	q := one(d, list.Data)
	if how := one(d, []string{"accept", "discard", ""}); how != "" {
		r.ask(r.p(), "POST", "/v1/quarantine/"+q.ID+"/"+how, apiv1.Verdict{Reason: usual})
		return
	}
	wh := r.houses[p.number].register()
	r.ask(r.p(), "POST", "/v1/quarantine/"+q.ID+"/rebase", apiv1.Rebase{RegisterWh: &wh, Reason: usual})
}

// usualImpulses is what each meter flashes for a kilowatt-hour. A meter that is registered with more of them counts too little.
const usualImpulses = 1000

// add registers a further meter of P's.
func (r *Run) add(mode, tariff string, impulses int64) {
	n := r.newMeter(mode, tariff)
	n.ImpPerKWh = &impulses
	r.register(n)
}

// newMeter is a further meter of P's, which is not registered yet.
func (r *Run) newMeter(mode, tariff string) apiv1.NewMeter {
	impulses := int64(usualImpulses)
	n := apiv1.NewMeter{Number: number(7101 + len(r.places)), Mode: mode, Tariff: tariff,
		IntervalS: 6 * 3600, ImpPerKWh: &impulses, Customer: &apiv1.Customer{Name: "P again", Phone: stolen}}
	if n.Mode == "prepay_token" {
		krn, kt := int64(1), int64(2)
		n.SGC, n.KRN, n.KT, n.TI = "123456", &krn, &kt, "01"
	}
	return n
}

// register registers a meter of P's, unless P has registered enough of them. It returns nil if the server has not done it.
func (r *Run) register(n apiv1.NewMeter) *place {
	if len(r.places) > len(r.t.places)+2 {
		return nil
	}
	a := r.ask(r.p(), "POST", "/v1/meters", n)
	if a.status != http.StatusCreated {
		return nil
	}
	var m apiv1.AddedMeter
	a.into(&m)
	return r.placeMeter(&m)
}

// placeMeter installs a meter that P has registered, and connects it.
func (r *Run) placeMeter(m *apiv1.AddedMeter) *place {
	p := &place{number: m.Number, owner: P, wallet: m.Mode != "prepay_token", load: 3000, online: true, password: m.MQTTPassword, link: m.LinkKey}
	p.key = r.t.decoder(p.number, &r.err)
	h := newHouse(p.number, p.key, p.wallet, r.now().Unix(), p.load)
	h.open, h.slow = m.Mode == "postpay", m.ImpPerKWh/usualImpulses
	p.h = h.clone()
	_, broker := r.srv.Addresses()
	l, err := connect(broker, p.password, p.link, h)
	if err != nil {
		r.fail(err)
		return nil
	}
	r.places, r.houses[p.number], r.lines[p.number] = append(r.places, p), h, l
	r.remember(p)
	r.settle()
	return p
}

// adopt puts a plug that reports nothing in the place of one of P's meters, once the server takes the plug for its device.
func (r *Run) adopt(d *rand.Rand) {
	p := one(d, r.of(P, func(p *place) bool { return p.wallet && r.houses[p.number].load > 0 }))
	if r.srv.Devices() == "" {
		return
	}
	name := "plug-" + p.number
	o := mqtt.NewClientOptions().AddBroker("tcp://" + r.srv.Devices()).SetClientID(name).SetProtocolVersion(4).SetAutoReconnect(false).SetConnectTimeout(hangs)
	plug := mqtt.NewClient(o)
	if tok := plug.Connect(); !tok.WaitTimeout(hangs) || tok.Error() != nil {
		r.fail(fmt.Errorf("the plug %s cannot connect: %w", name, tok.Error()))
		return
	}
	defer plug.Disconnect(0)
	plug.Publish("tele/"+name+"/LWT", 0, false, "Online").WaitTimeout(time.Second)
	var a reply
	for range 20 { // until the server has heard it
		if a = r.ask(r.p(), "POST", "/v1/devices", apiv1.NewDevice{Name: name, Meter: p.number}); a.status != 404 && a.status != 409 {
			break
		}
		time.Sleep(patience)
	}
	if a.status != 201 {
		return
	}
	if l := r.lines[p.number]; l != nil {
		l.close()
		delete(r.lines, p.number)
	}
	r.houses[p.number].open = true
}
