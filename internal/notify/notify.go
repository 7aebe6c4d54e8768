// Package notify brings messages to telephones and to the SIMs of meters, and takes what they answer.
//
// A message is queued in the transaction that wants it ([Queue]), given to a route by the [Dispatcher], which tries one route
// after the other and waits in between, and moves on by what the route, the network's delivery reports and the meter say.
// What a message holds of tokens is their names; digits are opened when it is sent. An SMS may be lost, late, doubled or
// in the wrong order, and its sender's number proves nothing: whatever arrives is taken once, by its identity, and money
// moves by none of it. [Route] is what brings messages out of the house; what comes in is handed to the dispatcher, which is
// their [Inbox].
//
// [Log] is the route of notices where there is no other: it writes them into the audit log and so into the feed of events.
package notify

import (
	"context"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/wallet"
)

// LogTx is what the log needs of a transaction.
type LogTx interface {
	Notices() wallet.NoticeTx
}

// Log is the route into the log.
type Log struct{ door access.Door[LogTx] }

// NewLog makes a Log.
func NewLog(door access.Door[LogTx]) Log { return Log{door} }

var _ job.Sender = Log{}

// Send writes one notice down. A notice whose time is over has become worthless and is dropped.
func (l Log) Send(ctx context.Context, t access.Tenant, c job.Claim) (job.Verdict, error) {
	err := l.door.Do(ctx, t, func(tx LogTx) (bool, error) {
		return false, wallet.NoticeSent(tx.Notices(), wallet.NoticeKind(c.Kind), c.Body)
	})
	if err != nil {
		return job.Verdict{}, fmt.Errorf("record a notice %s: %w", c.Kind, err)
	}
	return job.Done(), nil
}
