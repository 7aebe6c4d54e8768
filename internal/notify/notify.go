// Package notify sends messages to telephones and to the SIMs of meters, and handles their answers.
//
// A transaction queues a message ([Queue]). The [Dispatcher] gives it to a route; it tries one route after the other and waits in between.
// The answers of the route, the network's delivery reports and the meter's answers change the message's state. A message holds only the
// identities of tokens; their digits are opened when it is sent. An SMS may be lost, late, doubled or in the wrong order, and its sender's
// number proves nothing: an arrival is processed once, by its identity, and moves no money on its sender's word. What a message buys is paid by the
// PIN of a voucher that it brings, or by the customer's consent on the telephone that is asked ([Shop]). A [Route] carries messages out; it hands
// arrivals to the dispatcher's [Inbox].
//
// [Log] is the route of notices if there is no other: it writes them into the audit log and so into the feed of events.
package notify

import (
	"context"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/wallet"
)

// LogTx is the part of a transaction that the log needs.
type LogTx interface {
	Notices() wallet.NoticeTx
}

// Log sends notices into the audit log.
type Log struct{ door access.Door[LogTx] }

// NewLog returns a Log.
func NewLog(door access.Door[LogTx]) Log { return Log{door} }

var _ job.Sender = Log{}

// Send records one notice. It drops an expired notice.
func (l Log) Send(ctx context.Context, t access.Tenant, c job.Claim) (job.Verdict, error) {
	err := l.door.Do(ctx, t, func(tx LogTx) (bool, error) {
		return false, wallet.NoticeSent(tx.Notices(), wallet.NoticeKind(c.Kind), c.Body)
	})
	if err != nil {
		return job.Verdict{}, fmt.Errorf("record a notice %s: %w", c.Kind, err)
	}
	return job.Done(), nil
}
