package wallet

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
)

// NoticeKind is the subject of a notice to a customer. Names are stored and part of the feed; never rename one.
type NoticeKind string

// Subjects of notices.
const (
	NoticeLow1 NoticeKind = "wallet-low"     // the first warning
	NoticeLow2 NoticeKind = "wallet-urgent"  // the second warning
	NoticeOut  NoticeKind = "wallet-used-up" // nothing is left; the supply goes off when no rule forbids it any more
	NoticeOff  NoticeKind = "supply-off"
	NoticeOn   NoticeKind = "supply-on" // the supply returns, perhaps only after a key press
	// NoticeUnread: no value of the meter's unmodified device could be read, and the supply goes off if that stays so.
	NoticeUnread NoticeKind = "device-unread"
)

// NoticeLife is how long a notice may wait before it is dropped.
const NoticeLife = 7 * 24 * time.Hour

// Notice is one message to a customer, by any route.
type Notice struct {
	Kind      NoticeKind  `json:"kind"`
	Meter     string      `json:"meter"`
	Account   string      `json:"account"`
	Available money.Minor `json:"available_minor"`
	Currency  string      `json:"currency"`
	Press     bool        `json:"press_key,omitempty"`
	Test      bool        `json:"test,omitempty"`
}

// urgency orders the warnings about an account's money; 0 for other notices.
func (k NoticeKind) urgency() int {
	switch k {
	case NoticeLow1:
		return 1
	case NoticeLow2:
		return 2
	case NoticeOut:
		return 3
	}
	return 0
}

// NoticeTx is the part of a transaction that recording a sent notice needs.
type NoticeTx interface {
	Scope() (access.Tenant, int64)
	Moment() time.Time
	MeterByNumber(number string) (registry.Meter, bool, error)
	AuditLog(access.Entry) error
	// WalletOf locks and reads the wallets of the account that a meter supplies. WalletsOf locks and reads the wallets of the given
	// account.
	WalletOf(meter int64) ([]Row, error)
	WalletsOf(account id.ID) ([]Row, error)
	SuppliesOf([]Row) (map[int64]Supplied, error)
	SuppliesPut([]MeterSupply) error
}

// NoticeSent records that a notice was sent: in the audit log, and so in the feed. The notice period before a cut-off may begin at that
// moment.
func NoticeSent(tx NoticeTx, kind NoticeKind, body []byte) error {
	var n Notice
	if err := json.Unmarshal(body, &n); err != nil {
		return fmt.Errorf("read a notice: %w", err)
	}
	m, found, err := tx.MeterByNumber(n.Meter)
	if err != nil || !found {
		return err
	}
	tenant, _ := tx.Scope()
	e := access.SystemActor(tenant, Actor).Entry("notice."+string(kind), m.ID.Text(id.Meter))
	e.After = fmt.Sprintf("available_minor=%d %s", n.Available, n.Currency)
	if n.Press {
		e.After += " press_key"
	}
	if n.Test {
		e.After += " TEST"
	}
	if err := tx.AuditLog(e); err != nil {
		return err
	}
	if kind != NoticeLow2 && kind != NoticeOut {
		return nil
	}
	rows, err := warned(tx, m.N, n.Account)
	if err != nil || len(rows) == 0 {
		return err
	}
	all, err := tx.SuppliesOf(rows)
	if err != nil {
		return err
	}
	var first []MeterSupply
	for _, w := range rows { // the warning is the account's, and covers all its meters
		if s := all[w.Meter.N].Supply; s.Noticed.IsZero() {
			s.Noticed = tx.Moment()
			first = append(first, MeterSupply{w.Meter.N, s})
		}
	}
	return tx.SuppliesPut(first)
}

// WarningHolds reports whether what a warning about an account says is still so: the balance is below the warning's level, or nothing is
// left. It is false only if the next fall brings a new warning. A notice about the supply always holds, and so does a notice about an
// account without wallets.
func WarningHolds(tx NoticeTx, kind NoticeKind, number, account string) (bool, error) {
	if kind.urgency() == 0 {
		return true, nil
	}
	m, found, err := tx.MeterByNumber(number)
	if err != nil || !found {
		return true, err
	}
	rows, err := warned(tx, m.N, account)
	if err != nil || len(rows) == 0 {
		return true, err
	}
	all, err := tx.SuppliesOf(rows)
	if err != nil {
		return true, err
	}
	for _, w := range rows {
		if warningHolds(kind, w.State, all[w.Meter.N].Supply) {
			return true, nil
		}
	}
	return false, nil
}

// warningHolds reports whether a warning is still true for one wallet. The warnings that start the wait before a cut-off hold until the
// account is out of its shortage, because only then the wait of the next shortage begins anew.
func warningHolds(kind NoticeKind, s State, supplied Supply) bool {
	if kind == NoticeLow1 {
		return s.Low1.Below
	}
	return s.Low2.Below || !supplied.Out.IsZero()
}

// warned locks the wallets that a notice counts for. They belong to its account, even if the meter has left that account since. A message
// that an older version queued names no account. It counts for the wallets of the meter's present account.
func warned(tx NoticeTx, meter int64, account string) ([]Row, error) {
	if account == "" {
		return tx.WalletOf(meter)
	}
	a, err := id.Parse(id.Account, account)
	if err != nil {
		return nil, fmt.Errorf("read a notice: %w", err)
	}
	return tx.WalletsOf(a)
}
