package meters

import (
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/people"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
)

// listedStatus is the condition that a registration was not taken back. Such a meter has no account, and no list has it.
const listedStatus = ` AND (m.status <> 'removed' OR m.account_id IS NOT NULL)`

// MeterStandings reads the facts of the meters' states, of the meters that a filter names, in the order of their ids after the given one. It
// joins only the tables that the filter needs, because counting meters reads all of them.
func (tx Rows) MeterStandings(f registry.StandingFilter, after id.ID, max int) ([]registry.Standing, error) {
	args := []any{tx.Tenant, after[:]}
	arg := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	var join, where string
	switch f.Status {
	case "":
		where = ` AND m.status NOT IN ` + core.LeftMeters
	case registry.EveryStatus:
		where = listedStatus
	default:
		where = listedStatus + ` AND m.status = ` + arg(f.Status)
	}
	if !f.Tariff.IsZero() || f.Feeder != "" || f.Names {
		join = ` LEFT JOIN account a ON a.tenant_id = m.tenant_id AND a.id = m.account_id AND a.status <> '` + people.ClosedAccount + `'`
	}
	if f.Feeder != "" {
		join += ` LEFT JOIN service_point p ON p.tenant_id = m.tenant_id AND p.id = a.service_point_id`
	}
	if !f.Tariff.IsZero() {
		named := arg(f.Tariff)
		where += ` AND ` + people.EverOn("$1", named) + ` AND ` + people.TariffAt(arg(tx.Now)) + ` = ` + named
	}
	if f.Feeder != "" {
		where += ` AND p.feeder = ` + arg(f.Feeder)
	}
	name := `''`
	if f.Names {
		name = `COALESCE(c.name, '')`
		join += ` LEFT JOIN customer c ON c.tenant_id = m.tenant_id AND c.id = a.customer_id`
	}
	var ways []string
	for _, words := range f.Texts {
		sql, more := people.MetersOfWords(words, len(args)+1)
		args, ways = append(args, more...), append(ways, sql)
	}
	for _, number := range f.Number {
		sql, more := people.AllWords(`m.number`, []string{number}, len(args)+1)
		args, ways = append(args, more...), append(ways, sql)
	}
	if len(ways) > 0 {
		where += ` AND (` + strings.Join(ways, " OR ") + `)`
	}
	var out []registry.Standing
	err := tx.C.Query(`SELECT m.id, m.number, m.mode, m.reading_interval_s, l.last_seen, l.received_at, l.tamper, l.relay, l.reasons, l.balance_wh, w.off, w.low1, l.w, l.as_of, m.account_id, `+name+`, m.status
		FROM meter m LEFT JOIN meter_live l ON l.tenant_id = m.tenant_id AND l.meter = m.n
		LEFT JOIN wallet w ON w.tenant_id = m.tenant_id AND w.meter = m.n`+join+`
		WHERE m.tenant_id = $1 AND m.id > $2`+where+` ORDER BY m.id LIMIT `+arg(max),
		func(r core.Row) error {
			s := registry.Standing{ID: r.ID(0), Number: r.Text(1), Mode: registry.Mode(r.Text(2)), Interval: time.Duration(r.Int(3)) * time.Second,
				LastSeen: r.Time(4), Reported: !r.IsNull(5), Tamper: r.Bool(6), Relay: r.Text(7), Reasons: metering.SplitReasons(r.Text(8)),
				Credit: unit.Energy(r.Int(9)), Watts: r.Int(12), Account: r.ID(14), Name: r.Text(15)}
			if s.Reported {
				s.AsOf = time.UnixMicro(r.Int(13)).UTC()
			}
			if s.Wallet = s.Mode == registry.PrepayWallet && !r.IsNull(10); s.Wallet {
				s.Supply, s.WalletLow = r.Int(10) == 0, r.Int(11)&crossBelow != 0
				s.Money = !registry.Status(r.Text(16)).HasLeft()
			}
			out = append(out, s)
			return nil
		}, args...)
	return out, fault.Wrap(err, "read the states of meters")
}

// WalletsLeft returns what is left in the wallets of accounts.
func (tx Rows) WalletsLeft() (map[id.ID]money.Minor, error) {
	books := map[id.ID]wallet.Money{}
	err := tx.C.Query(`SELECT subject, balance, held FROM ledger_account WHERE tenant_id = $1 AND code = $2`, func(r core.Row) error {
		account, err := id.Parse(id.Account, r.Text(0))
		books[account] = wallet.Money{Wallet: -money.Minor(r.Int(1)), Held: money.Minor(r.Int(2))}
		return err
	}, tx.Tenant, ledger.Wallet)
	if err == nil {
		err = tx.C.Query(`SELECT m.account_id, w.accrued FROM wallet w JOIN meter m ON m.tenant_id = w.tenant_id AND m.n = w.meter
			WHERE w.tenant_id = $1 AND w.accrued > 0 AND m.account_id IS NOT NULL`, func(r core.Row) error {
			have := books[r.ID(0)]
			have.Accrued += money.Minor(r.Int(1))
			books[r.ID(0)] = have
			return nil
		}, tx.Tenant)
	}
	left := make(map[id.ID]money.Minor, len(books))
	for account, have := range books {
		left[account] = have.Available()
	}
	return left, fault.Wrap(err, "read what is left in wallets")
}
