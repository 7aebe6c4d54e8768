package job

import (
	"time"

	"github.com/paywatt/paywatt/internal/id"
)

// Item is one piece of work that leaves the system after the transaction that ordered it has committed. Items with
// the same lane and key are carried out strictly in the order in which they were enqueued.
type Item struct {
	Lane string // route of delivery: mqtt, sms, webhook
	Key  string // items of one key stay in order: a meter number, an account, a URL
	Kind string // what to do, for the worker of the lane
	Body []byte // JSON without secrets: token digits and keys are resolved when the item is sent

	NextAt    time.Time // earliest time; zero means now
	ExpiresAt time.Time // when the item is given up; zero means never
}

// Claim is an item that one worker holds until a time. After that time any worker may claim it again.
type Claim struct {
	ID       id.ID
	Seq      int64 // position within lane and key
	Attempts int   // number of earlier claims; a wake of the waiting item sets it to 0
	Item
}
