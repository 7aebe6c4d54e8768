package rogue

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/paywatt/paywatt/api/apiv1"
)

// This file is what the game knows of trust: what an honest second person sees and does, which wires lead where, which telephone has no right to a
// figure, and what a file may cost.

// trust is the state of the moves of moves_trust.go.
type trust struct {
	bank     map[string]bool  // payments that are on the bank's own account, by the bank's name for them
	banked   map[string]int64 // what each party paid there
	bought   []*purchase      // vouchers that customers paid the corner for
	surplus  int64            // cash that P booked as too much
	agreed   map[string]bool  // accounts whose debts an honest person knows of and lets P leave
	temp     time.Duration    // when P's limited key ends, by the clock of the history; 0 before P has it
	mole     string           // P's hand of whom the limited key invited
	secrets  []secret         // what the limited key was shown
	feigned  []string         // numbers of meters of P's that P registered on the feeder north, to which no wire of theirs leads
	poached  *place           // the customer whose telephone number P gave to a customer of P's
	until    time.Duration    // until when people pay for that customer by the number
	meant    int64            // what that customer got of it
	pays     int              // how often people have paid so
	spied    *place           // the customer whose telephone P set to curious
	due      time.Duration    // when figures may go there
	unseen   string           // PIN of the last voucher, which P has not seen
	tried    *purchase        // the one whose buyer has no tries left, because P used them up
	sheet    []string         // PINs of the batch whose vouchers need a code
	robbed   []*purchase      // vouchers of that batch
	owned    listener
	replaced bool   // P has replaced the secret of the utility's provider
	measured bool   // P has sent the file that costs much
	down     string // what the server has not answered; the history ends there
}

// secret is something that P was shown by a key that ends.
type secret struct {
	name  string
	works func() bool
}

// purchase is a voucher that a customer bought. The customer redeems it in the end.
type purchase struct {
	pin, code string // code is empty if it needs none
	by        *place
	minor     int64
}

// effect is what an approval does, as far as the server shows it. An earlier version shows nothing.
type effect struct {
	Rows []struct{ Name, Fate string }
}

// consent lets an honest second person decide about all requests of one act. The person reads each, and approves it unless what it shows is wrong. What
// shows nothing is approved: the person knows P as a colleague. It returns the objects of what was approved.
func (r *Run) consent(hand, act string, wrong func(effect) bool) (objects []string) {
	var list apiv1.List[apiv1.Approval]
	r.ask(hand, "GET", "/v1/approvals?state=waiting&limit=200", nil).into(&list)
	for _, a := range list.Data {
		if a.Act != act {
			continue
		}
		var one struct{ Now *effect }
		r.ask(hand, "GET", "/v1/approvals/"+a.ID, nil).into(&one)
		how := "approve"
		if one.Now != nil && wrong(*one.Now) {
			how = "reject"
		}
		done := r.ask(hand, "POST", "/v1/approvals/"+a.ID+"/"+how, apiv1.Decision{Reason: "read it"})
		if how == "approve" && done.ok() {
			objects = append(objects, a.Object)
		}
	}
	return objects
}

// forged reports whether a statement has a payment that is not on the bank's account, with which the second person compares each row.
func (r *Run) forged(e effect) bool {
	for _, row := range e.Rows {
		if (row.Fate == "sold" || row.Fate == "parked") && !r.bank[row.Name] {
			return true
		}
	}
	return false
}

// inOrder finds nothing wrong.
func inOrder(effect) bool { return false }

// wires are the feeders by which honest people connected the places.
const (
	north = "North"
	south = "South"
)

// wired reports whether a place was put on the feeder north before P began: too few for the server to think that the feeder is silent.
func wired(i int) bool { return i == 3 || i == 7 }

// bent counts the places whose feeder is not that of their wires, and the meters that measure a feeder and are not at its head. Meters that P
// registered are on no feeder of the utility's.
func (r *Run) bent() (n int64) {
	for _, p := range r.places {
		var m struct{ Feeder, Measures string }
		var a apiv1.Account // a place where nobody lives has no feeder
		if p.feeder == "" {
			continue
		}
		if r.ask("auditor", "GET", "/v1/accounts/"+p.number, nil).into(&a); a.ID == "" || a.Status == "closed" {
			continue
		}
		if r.ask("auditor", "GET", "/v1/meters/"+p.number, nil).into(&m); m.Feeder != p.feeder || m.Measures != "" {
			n++
		}
	}
	for _, number := range r.feigned {
		var m struct{ Feeder string }
		if r.ask("auditor", "GET", "/v1/meters/"+number, nil).into(&m); m.Feeder == north {
			n++
		}
	}
	return n
}

// curious is a telephone of P's that P registers for another customer, and unknown is nobody's.
const (
	curious = "+254700000098"
	unknown = "+254700000097"
)

// figure is an amount of money or energy in a text.
var figure = regexp.MustCompile(`(KES|UGX) ?-?[0-9]|[0-9] ?kWh`)

// listener is a machine of P's that the server should never call.
type listener struct {
	net.Listener
	calls atomic.Int64
}

// address opens the machine, and returns its port.
func (r *Run) address() string {
	if r.owned.Listener == nil {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			r.fail(err)
			return "1"
		}
		r.owned.Listener = l
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				r.owned.calls.Add(1)
				_ = c.Close()
			}
		}()
	}
	_, port, _ := net.SplitHostPort(r.owned.Addr().String())
	return port
}

// What one small file may cost.
const (
	mostBytes = 150 << 20
	mostTime  = 3 * time.Second
)

// workbook is the body of a request that sends a workbook.
type workbook []byte

// endIfUnanswered reports whether the server has just left a request unanswered. If so, it ends the history: such a server does nothing more for
// anybody.
func (r *Run) endIfUnanswered(what string, args ...any) bool {
	if r.err == nil {
		return false
	}
	r.asked++
	r.down = fmt.Sprintf(what, args...) + " had no answer: " + r.err.Error()
	r.err = nil
	return true
}

// wide is a workbook of about 20 KB, one row of which has more than a million empty cells.
func wide() workbook {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	const office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	const rels = `<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`
	sheet := `<?xml version="1.0"?><worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>number</t></is></c></row><row>` +
		strings.Repeat(`<c/>`, 2<<20) + `</row></sheetData></worksheet>`
	for _, part := range []struct{ name, text string }{
		{"_rels/.rels", rels + `<Relationship Id="r1" Type="` + office + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
		{"xl/workbook.xml", `<?xml version="1.0"?><workbook xmlns:r="` + office + `"><sheets><sheet name="M" sheetId="1" r:id="r1"/></sheets></workbook>`},
		{"xl/_rels/workbook.xml.rels", rels + `<Relationship Id="r1" Type="` + office + `/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="` + office + `/sharedStrings" Target="sharedStrings.xml"/></Relationships>`},
		{"xl/sharedStrings.xml", `<sst><si><t>04140001001</t></si></sst>`},
		{"xl/worksheets/sheet1.xml", sheet},
	} {
		w, err := z.Create(part.name)
		if err == nil {
			_, err = w.Write([]byte(part.text))
		}
		if err != nil {
			panic(err) // a buffer takes everything
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// entrust gives P's own meters to the record, as P did when P was hired. An earlier version has no such record.
func (b *preparation) entrust() {
	email, _ := b.t.site.Login(P + "/owner")
	for _, p := range b.t.places {
		if p.owner == P && b.err == nil {
			_, b.err = b.c.ask(b.t.keys["owner"], "POST", "/v1/people/"+email+"/own", map[string]string{"kind": "meter", "number": p.number})
		}
	}
}

// reckon lets honest people do what they still have to, and looks at what P has without a right.
func (r *Run) reckon() {
	for _, b := range r.bought { // the customer sends the PIN, whoever has used up the tries in the customer's name
		r.tell(b.by.phone, strings.TrimSpace("PIN "+strings.ReplaceAll(b.pin, " ", "")+" "+b.code)+" "+b.by.number)
		time.Sleep(enough)
		r.mail()
		r.used()
	}
	if r.mole != "" || len(r.secrets) > 0 {
		r.pass(3)
		r.checkLimitedKeys()
	}
	if n := r.owned.calls.Load(); n > 0 {
		r.gained = append(r.gained, fmt.Sprintf("the server called P's machine %d times, and nobody agreed to its address", n))
	}
}

// checkLimitedKeys looks at what P still has after P's limited key has ended.
func (r *Run) checkLimitedKeys() {
	if r.ahead <= r.temp {
		return
	}
	if r.mole != "" && r.ask(r.mole, "GET", "/v1/people", nil).ok() {
		r.gained = append(r.gained, "P's key has ended, and P is still the owner whom the key invited")
	}
	for _, s := range r.secrets {
		if r.err == nil && s.works() {
			r.gained = append(r.gained, "P's key has ended, and P still uses what it was shown: "+s.name)
		}
	}
}

// opensPage reports whether a page of the server shows figures to everybody.
func (r *Run) opensPage(path string) bool {
	resp, err := r.c.http.Get(r.c.url + path)
	if err != nil {
		r.fail(err)
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		r.fail(err)
	}
	return resp.StatusCode == http.StatusOK && figure.Match(page)
}

// signsInAsDevice reports whether the listener for devices takes a password, and not every other one.
func (r *Run) signsInAsDevice(password string) bool {
	enters := func(password string) bool {
		o := mqtt.NewClientOptions().AddBroker("tcp://" + r.srv.Devices()).SetClientID("plug-of-P").SetProtocolVersion(4).SetAutoReconnect(false).
			SetConnectTimeout(hangs).SetUsername("paywatt").SetPassword(password)
		plug := mqtt.NewClient(o)
		tok := plug.Connect()
		entered := tok.WaitTimeout(hangs) && tok.Error() == nil
		plug.Disconnect(0)
		return entered
	}
	return r.srv.Devices() != "" && enters(password) && !enters("wrong")
}

// tell sends a message in the name of a telephone, and waits a moment.
func (r *Run) tell(from, words string) {
	if r.err != nil {
		return
	}
	status, err := r.phones.write(r.c.url, from, words, r.now())
	if err != nil {
		r.fail(fmt.Errorf("%q from %s: %w", words, from, err))
	}
	r.log = append(r.log, fmt.Sprintf("%-14s writes %q → %d", from, words, status))
	time.Sleep(patience)
	r.mail()
}
