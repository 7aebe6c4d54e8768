// Package notify brings notices to customers: [Log] is the route that every server has, which writes them into the audit
// log and so into the feed of events, where consoles and programs see them. Telephones and mail are routes of their own.
package notify

import (
	"context"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/job"
)

// Tx is what the log needs of a transaction.
type Tx interface {
	// NoticeSent notes that a notice has left.
	NoticeSent(kind string, body []byte) error
}

// Log is the route into the log.
type Log struct{ door access.Door[Tx] }

// NewLog makes a Log.
func NewLog(door access.Door[Tx]) Log { return Log{door} }

var _ job.Sender = Log{}

// Send writes one notice down. A notice whose time is over has become worthless and is dropped.
func (l Log) Send(ctx context.Context, t access.Tenant, c job.Claim) (job.Verdict, error) {
	err := l.door.Do(ctx, t, func(tx Tx) (bool, error) { return false, tx.NoticeSent(c.Kind, c.Body) })
	if err != nil {
		return job.Verdict{}, fmt.Errorf("note a notice %s: %w", c.Kind, err)
	}
	return job.Done(), nil
}
