package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/wallet"
)

// purposeOf maps each kind of a wallet's notice to its template.
var purposeOf = map[wallet.NoticeKind]Purpose{
	wallet.NoticeLow1: PurposeLow1, wallet.NoticeLow2: PurposeLow2, wallet.NoticeOut: PurposeCutSoon,
	wallet.NoticeOff: PurposeCutOff, wallet.NoticeOn: PurposeRestored, wallet.NoticeUnread: PurposeUnread,
}

// kindOf returns the kind of wallet notice that a template sends; empty for any other message.
func kindOf(p Purpose) wallet.NoticeKind {
	for k, have := range purposeOf {
		if have == p {
			return k
		}
	}
	return ""
}

// NoticeTx is the part of a transaction that sends a wallet's notice.
type NoticeTx interface {
	QueueTx
	LogTx
	// NoticeTo returns the recipient of a meter's notices; found is false for an unknown meter.
	NoticeTo(number string) (to Addressee, found bool, err error)
}

// Addressee is the recipient of messages about a meter.
type Addressee struct {
	Subscription
	Phone   string
	Utility string
	Contact string
}

// Notices sends wallets' notices by the routes, as the job.Sender of their lane. A notice counts as sent when a route has accepted it, and
// the time before a cut-off counts from then ([wallet.NoticeSent]). A notice that cannot be sent, for lack of a number or of a working
// route, counts as sent as soon as this is known. It is in the log. If it did not count, an account without a telephone could never be cut
// off.
type Notices struct {
	door access.Door[NoticeTx]
	now  func() time.Time
	kick func()
}

// NewNotices returns a Notices; kick is called after a commit that left something to send.
func NewNotices(door access.Door[NoticeTx], now func() time.Time, kick func()) Notices {
	return Notices{door, now, kick}
}

var _ job.Sender = Notices{}

// Send queues the message of one notice, or only records the notice if it has no recipient.
func (n Notices) Send(ctx context.Context, t access.Tenant, c job.Claim) (job.Verdict, error) {
	if c.Kind == NumberChanged {
		return n.tellNumber(ctx, t, c)
	}
	var notice wallet.Notice
	if err := json.Unmarshal(c.Body, &notice); err != nil {
		return job.Dead("the notice cannot be read"), nil
	}
	full := ""
	err := n.door.Do(ctx, t, func(tx NoticeTx) (bool, error) {
		to, found, err := tx.NoticeTo(notice.Meter)
		purpose, known := purposeOf[notice.Kind]
		switch {
		case err != nil:
			return false, err
		case !found || !known: // no recipient, or no template: the notice is only recorded
			return false, wallet.NoticeSent(tx.Notices(), notice.Kind, c.Body)
		}
		d := Draft{Purpose: purpose, Phone: to.Phone, Lang: to.Lang, Customer: to.Customer, Meter: to.N, Number: to.Number, Muted: !to.Notices,
			Args: Args{Meter: notice.Meter, Test: notice.Test, Utility: to.Utility, Contact: to.Contact, Currency: notice.Currency, Balance: notice.Available,
				Press: notice.Press, Account: notice.Account}}
		if purpose.cuts() && to.Phone != "" { // if the queue has no room, the warning waits and does not count as sent
			if full, err = crowded(tx, Message{Purpose: purpose, Line: lineOf(d)}); err != nil || full != "" {
				return false, err
			}
		}
		m, err := Queue(tx, d, n.now())
		if err != nil {
			return false, err
		}
		return false, noteNoticeSent(tx, m)
	})
	if err != nil {
		return job.Verdict{}, fmt.Errorf("send a notice %s: %w", c.Kind, err)
	}
	if full != "" {
		return job.Again(n.now().Add(job.Pause(c.Attempts)), full), nil
	}
	n.kick()
	return job.Done(), nil
}

// isNoticeSent reports whether a message has left or can no longer leave, so that the notice in it counts as sent.
func isNoticeSent(m Message) bool { return m.State != Queued && (m.State != Uncertain || !m.Open) }

// noteNoticeSent records that a wallet's notice counts as sent: a route has accepted it, or it cannot be sent.
func noteNoticeSent(tx LogTx, m Message) error {
	kind := kindOf(m.Purpose)
	if kind == "" || !isNoticeSent(m) {
		return nil
	}
	body, err := json.Marshal(wallet.Notice{Kind: kind, Meter: m.Args.Meter, Account: m.Args.Account, Available: m.Args.Balance, Currency: m.Args.Currency, Press: m.Args.Press, Test: m.Args.Test})
	if err != nil {
		return fmt.Errorf("record a notice %s: %w", kind, err)
	}
	return wallet.NoticeSent(tx.Notices(), kind, body)
}
