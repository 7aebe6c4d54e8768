package kannel

// Joining the parts of longer messages. Kannel joins them itself, unless sms-combine-concatenated-mo is off or a part comes too late. Then each
// part comes alone, with its header, and is joined here as the parts of a modem and of a message centre are.

import (
	"context"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/gsm/hook"
	"github.com/paywatt/paywatt/internal/gsm/pdu"
	"github.com/paywatt/paywatt/internal/notify"
)

// Limits of parts.
const (
	// holdTime is how long the call with a part waits for the other parts. Kannel waits longer for an answer.
	holdTime = 8 * time.Second
	// maxWaiting is how many calls wait for other parts at a time. The parts of further calls are stored alone at once.
	maxWaiting = 64
	// maxJoined is how many parts of stored messages are remembered, to recognise a part that Kannel brings again.
	maxJoined = 1000
)

// errGone is the result of a call whose part is neither stored nor waiting any longer. Kannel brings it again.
var errGone = errors.New("the call ended before the other parts came")

// joiner joins parts. Each call with a part is answered when the whole message is durable. A part that has waited alone for holdTime is stored
// alone, marked as incomplete, and answered. When the other parts come, the whole message is stored as well.
type joiner struct {
	now func() time.Time

	mu     sync.Mutex
	parts  pdu.Assembler
	slot   int
	waits  map[int]chan error    // the calls that wait, by the slot of their part
	joined map[pdu.Identity]bool // parts of messages that were stored whole
}

func newJoiner(now func() time.Time) *joiner {
	return &joiner{now: now, waits: map[int]chan error{}, joined: map[pdu.Identity]bool{}}
}

// call is a call with a part. It learns from result what became of the whole message.
type call struct {
	slot   int
	result chan error
}

// take stores a part with the others, or alone if they do not come. The parameter alone is the message that the part is without the others, and
// store stores a message.
func (j *joiner) take(ctx context.Context, d pdu.Deliver, alone notify.Incoming, store func(notify.Incoming) error) error {
	if j.knows(d) {
		return nil
	}
	mine, whole, complete := j.add(d)
	if !complete {
		return j.await(ctx, mine, func() error { return store(alone) })
	}
	m := alone
	m.Text, m.Missing = cut(whole.Text, hook.MaxIncoming), whole.Missing
	m.Identity = notify.IdentityOf("kannel parts", alone.Route, hex.EncodeToString(whole.Identity[:]))
	err := store(m)
	j.answer(whole, err)
	return err
}

// knows reports whether a part belongs to a message that was stored whole.
func (j *joiner) knows(d pdu.Deliver) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.joined[pdu.Identify(d)]
}

// add adds a part, and returns the whole message if the part completes it.
func (j *joiner) add(d pdu.Deliver) (mine call, whole pdu.Whole, complete bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.slot++
	mine = call{slot: j.slot, result: make(chan error, 1)}
	whole, complete = j.parts.Add(pdu.Part{Slot: mine.slot, Deliver: d}, j.now())
	if !complete && len(j.waits) < maxWaiting {
		j.waits[mine.slot] = mine.result
	}
	j.parts.Expired(j.now(), false) // each of these parts was stored alone, or its call still waits and will store it alone
	return mine, whole, complete
}

// await waits until the other parts have come. If they do not come in time, or too many calls wait already, it stores the part alone.
func (j *joiner) await(ctx context.Context, mine call, storeAlone func() error) error {
	select {
	case err := <-mine.result:
		return err
	case <-ctx.Done():
		j.leave(mine)
		return errGone
	case <-time.After(j.patience(mine)):
		j.leave(mine)
		return storeAlone()
	}
}

// patience returns how long a call waits for the other parts.
func (j *joiner) patience(mine call) time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.waits[mine.slot] == nil && len(mine.result) == 0 {
		return 0
	}
	return holdTime
}

// leave ends the waiting of a call.
func (j *joiner) leave(mine call) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.waits, mine.slot)
}

// answer ends the calls whose parts are in a message. If the message was not stored, Kannel brings the parts again.
func (j *joiner) answer(whole pdu.Whole, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, slot := range whole.Slots {
		if result := j.waits[slot]; result != nil {
			result <- err
			delete(j.waits, slot)
		}
	}
	if err != nil {
		return
	}
	if len(j.joined)+len(whole.Parts) > maxJoined {
		clear(j.joined)
	}
	for _, id := range whole.Parts {
		j.joined[id] = true
	}
}
