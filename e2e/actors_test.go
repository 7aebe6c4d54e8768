package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/paywatt/paywatt/internal/await"
)

type soldToken struct {
	digits string
	units  int64
}

// parseSale reads the sale from an answer to POST, or from a list that a reference selects.
func parseSale(a answer) (soldToken, error) {
	type body struct {
		UnitsWh int64 `json:"units_wh"`
		Tokens  []struct {
			Digits string `json:"digits"`
		} `json:"tokens"`
	}
	var one struct {
		body
		Data []body `json:"data"`
	}
	if err := json.Unmarshal(a.body, &one); err != nil {
		return soldToken{}, err
	}
	b := one.body
	if len(one.Data) == 1 {
		b = one.Data[0]
	}
	if len(b.Tokens) != 1 || len(b.Tokens[0].Digits) != 20 {
		return soldToken{}, fmt.Errorf("no single token in %s", a.body)
	}
	return soldToken{b.Tokens[0].Digits, b.UnitsWh}, nil
}

// keypad is a customer at a scripted meter whose process is killed now and then.
type keypad struct {
	secrets
	w    *world
	dir  string
	r    *rand.Rand
	mu   sync.Mutex
	vm   *vmeter
	todo []sale
	// The answers of the meter, recorded outside of the meter.
	accepted int
	said     map[string]bool // digits of the tokens that the meter accepted
	entered  map[string]int  // digits -> how often they may have been entered
	last     state
	turn     int // the server for the next process
}

func newKeypad(w *world, s secrets, dir string, seed uint64) *keypad {
	return &keypad{secrets: s, w: w, dir: dir, r: rand.New(rand.NewPCG(seed, 0x6b6579)), said: map[string]bool{}, entered: map[string]int{}}
}

func (k *keypad) offer(s sale) { k.mu.Lock(); k.todo = append(k.todo, s); k.mu.Unlock() }

// backlog is how many tokens wait to be typed.
func (k *keypad) backlog() int { k.mu.Lock(); defer k.mu.Unlock(); return len(k.todo) }

// pull kills the meter's process, whatever it is doing.
func (k *keypad) pull() {
	k.mu.Lock()
	vm := k.vm
	k.mu.Unlock()
	if vm != nil {
		_ = vm.cmd.Process.Kill()
	}
}

func (k *keypad) next() (sale, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.todo) == 0 {
		return sale{}, false
	}
	s := k.todo[0]
	k.todo = k.todo[1:]
	return s, true
}

// process returns the running meter, starting it again when it was killed.
func (k *keypad) process() (*vmeter, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.vm != nil {
		select {
		case <-k.vm.exited:
		default:
			return k.vm, nil
		}
	}
	_, broker := k.w.address(k.turn)
	k.turn++
	vm, err := k.w.p.startMeter(k.dir, broker, k.secrets)
	k.vm = vm
	return vm, err
}

// give sends one command. A killed process is started again; the command's outcome is then unknown (errGone).
func (k *keypad) give(command string) (state, error) {
	vm, err := k.process()
	if err != nil {
		return state{}, err
	}
	s, err := vm.send(command, k.w.patience())
	if err == nil {
		k.last = s
		return s, nil
	}
	if errors.Is(err, errGone) {
		for range vm.lines {
		}
		<-vm.exited
	}
	return s, err
}

// work enters tokens, uses energy and synchronises until it must stop.
func (k *keypad) work(stop chan struct{}) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		s, ok := k.next()
		if !ok {
			<-time.After(5 * time.Millisecond)
			continue
		}
		k.enter(s)
		switch k.r.IntN(4) {
		case 0:
			k.enter(s) // this customer types the token twice
		case 1:
			_, _ = k.give("load 2500")
			_, _ = k.give(fmt.Sprintf("run %dm", 1+k.r.IntN(30)))
		case 2:
			_, _ = k.give("sync")
		}
	}
}

// enter types one token until the meter has answered, and records the answer.
func (k *keypad) enter(s sale) {
	for tries := 0; tries < 50; tries++ {
		k.entered[s.digits]++
		got, err := k.give("key " + s.digits + "#")
		if errors.Is(err, errGone) {
			continue // the meter was killed while typing: the customer types the token again
		}
		if err != nil {
			k.w.problem("%v: meter %s", err, k.number)
			return
		}
		switch got.LastToken {
		case "accept":
			if k.said[s.digits] {
				k.w.problem("meter %s accepted one token twice", k.number)
			}
			k.said[s.digits] = true
			k.accepted++
			return
		case "used_error":
			return
		case "old_error":
			// This answer means that the meter accepted at least 50 newer tokens first. Tokens that are typed in the order in which they
			// were sold never get this answer.
			k.w.problem("meter %s answered old_error", k.number)
			return
		case "overflow_error": // the token stays good: this customer uses energy and types it again
			_, _ = k.give("load 10000")
			_, _ = k.give("run 600m")
			_, _ = k.give("load 2500")
		case "busy", "locked":
			<-time.After(10 * time.Millisecond)
		default:
			k.w.problem("meter %s answered %q to a token of its own", k.number, got.LastToken)
			return
		}
	}
	k.w.problem("meter %s never answered a token", k.number)
}

// finish enters the remaining tokens and lets the server learn everything.
func (k *keypad) finish(t *testing.T) {
	for {
		s, ok := k.next()
		if !ok {
			break
		}
		k.enter(s)
	}
	_, err := k.give("sync")
	if errors.Is(err, errGone) { // the last kill ended the process
		_, err = k.give("sync")
	}
	if err != nil {
		k.w.problem("%v: meter %s cannot synchronise", err, k.number)
		k.pull()
		return
	}
	k.vm.quit(t)
}

// rawMeter publishes readings with a plain MQTT client and records what the server acknowledged.
type rawMeter struct {
	secrets
	w     *world
	mu    sync.Mutex
	acked uint64
	seq   uint64
	more  chan struct{}
	pace  time.Duration   // between two readings; zero: as fast as they are acknowledged
	sent  time.Time       // when a paced meter sent its newest reading
	turn  int             // the server for the next connection
	waits []time.Duration // how long a paced meter waited for each acknowledgement
}

func newRawMeter(w *world, s secrets) *rawMeter {
	return &rawMeter{secrets: s, w: w, more: make(chan struct{}, 1)}
}

func (r *rawMeter) connect() (mqtt.Client, error) {
	_, broker := r.w.address(r.turn)
	r.turn++
	o := mqtt.NewClientOptions().AddBroker("tcp://" + broker).SetClientID(r.number).SetUsername(r.number).SetPassword(r.password).
		SetAutoReconnect(false).SetConnectTimeout(2 * time.Second).SetCleanSession(true).SetOrderMatters(false)
	c := mqtt.NewClient(o)
	if tok := c.Connect(); !tok.WaitTimeout(3*time.Second) || tok.Error() != nil {
		return nil, errors.New("no connection")
	}
	sub := c.Subscribe("m/"+r.number+"/down/#", 1, func(_ mqtt.Client, m mqtt.Message) {
		var ack struct {
			Seq uint64 `json:"seq"`
		}
		if m.Topic() != "m/"+r.number+"/down/ack" || json.Unmarshal(m.Payload(), &ack) != nil {
			return
		}
		r.mu.Lock()
		if r.pace > 0 && ack.Seq == r.seq && r.acked < r.seq {
			r.waits = append(r.waits, time.Since(r.sent))
		}
		r.acked = max(r.acked, ack.Seq)
		r.mu.Unlock()
		select {
		case r.more <- struct{}{}:
		default:
		}
	})
	if !sub.WaitTimeout(3*time.Second) || sub.Error() != nil {
		c.Disconnect(0)
		return nil, errors.New("no subscription")
	}
	boot := fmt.Sprintf(`{"store":"00000000%s","lowest":1,"next":%d,"boot":1,"proto":1,"fw":"e2e","reset":"power","caps":[]}`, r.number[3:], r.seq+1)
	c.Publish("m/"+r.number+"/up/boot", 1, false, boot)
	return c, nil
}

func (r *rawMeter) state() (acked, seq uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.acked, r.seq
}

// work keeps up to 32 readings on their way. After a lost connection it continues after the last acknowledged reading.
func (r *rawMeter) work(stop chan struct{}) {
	for {
		c, err := r.connect()
		if err == nil {
			r.publish(c, stop)
			c.Disconnect(0)
		}
		select {
		case <-stop:
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (r *rawMeter) publish(c mqtt.Client, stop chan struct{}) {
	next, _ := r.state()
	for next++; c.IsConnectionOpen(); {
		acked, _ := r.state()
		if next > acked+32 {
			select {
			case <-stop:
				return
			case <-r.more:
			case <-time.After(50 * time.Millisecond):
			}
			continue
		}
		select {
		case <-stop:
			return
		default:
		}
		r.mu.Lock()
		r.seq, r.sent = max(r.seq, next), time.Now()
		r.mu.Unlock()
		c.Publish("m/"+r.number+"/up/reading", 1, false, fmt.Sprintf(
			`{"seq":%d,"at":%d,"up":%d,"clock":"valid","register_wh":%d,"balance_wh":0,"w":100,"mv":230000,"relay":"closed","reasons":[]}`,
			next, 1_790_000_000+int64(next), next*1000, next))
		next++
		if r.pace > 0 {
			<-time.After(r.pace)
		}
	}
}

// finish publishes until everything ever sent is acknowledged.
func (r *rawMeter) finish() {
	stop := make(chan struct{})
	done := make(chan struct{})
	_, target := r.state()
	go func() { r.work(stop); close(done) }()
	for deadline := time.Now().Add(r.w.patience()); ; <-time.After(20 * time.Millisecond) {
		acked, _ := r.state()
		if acked >= target {
			break
		}
		if time.Now().After(deadline) {
			r.w.problem("%s: meter %s: %d readings sent, only %d are ever acknowledged", await.NotInTime, r.number, target, acked)
			break
		}
	}
	close(stop)
	<-done
}
