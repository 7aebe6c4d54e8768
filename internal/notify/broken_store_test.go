package notify_test

import (
	"errors"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/wallet"
	pw "github.com/paywatt/paywatt/wire"
)

// errStore is the error of the failing statement.
var errStore = errors.New("the store failed")

// broken is a transaction in which one statement fails. The statement still takes effect and returns its values, so code that ignores the
// error continues and returns no error.
type broken struct {
	notify.Tx
	notify.CarriedTx
	notify.RecipientTx
	notify.OutcomeTx
	notify.QueuedTx
	at     int            // number of the failing statement, from 1; 0 for none
	done   int            // statements so far
	failed string         // the name of the statement that failed
	most   map[string]int // largest number of rows that each statement was asked to return
	times  map[string]int // how often each statement was called
}

func broke(tx notify.Tx, at int) *broken {
	return &broken{Tx: tx, CarriedTx: tx.Carried(), RecipientTx: tx.Recipients(), OutcomeTx: tx.Outcomes(), QueuedTx: tx.Queued(), at: at, most: map[string]int{}, times: map[string]int{}}
}

func (b *broken) Carried() notify.CarriedTx      { return b }
func (b *broken) Recipients() notify.RecipientTx { return b }
func (b *broken) Outcomes() notify.OutcomeTx     { return b }
func (b *broken) Queued() notify.QueuedTx        { return b }
func (b *broken) Meters() registry.MeterLookup   { return b }

// fails counts a statement and returns its error.
func (b *broken) fails(statement string) error {
	b.times[statement]++
	if b.done++; b.done != b.at {
		return nil
	}
	b.failed = statement
	return errStore
}

func (b *broken) asked(statement string, rows int) error {
	b.most[statement] = max(b.most[statement], rows)
	return b.fails(statement)
}

// The methods of the transaction.

func (b *broken) NewID() (id.ID, error) {
	i, _ := b.Tx.NewID()
	return i, b.fails("NewID")
}
func (b *broken) MessageAdd(m notify.Message) error {
	_ = b.Tx.MessageAdd(m)
	return b.fails("MessageAdd")
}
func (b *broken) MessagesWaiting(line string, most int) (int, error) {
	n, _ := b.Tx.MessagesWaiting(line, most)
	return n, b.asked("MessagesWaiting", most)
}
func (b *broken) QuietHours() (registry.QuietHours, *time.Location, error) {
	q, zone, _ := b.Tx.QuietHours()
	return q, zone, b.fails("QuietHours")
}
func (b *broken) MessageKnown(i [16]byte) (bool, error) {
	known, _ := b.Tx.MessageKnown(i)
	return known, b.fails("MessageKnown")
}
func (b *broken) MessageOf(i [16]byte) (notify.Message, bool, error) {
	m, found, _ := b.Tx.MessageOf(i)
	return m, found, b.fails("MessageOf")
}
func (b *broken) MessageByID(i id.ID) (notify.Message, bool, error) {
	m, found, _ := b.Tx.MessageByID(i)
	return m, found, b.fails("MessageByID")
}
func (b *broken) MessagePut(m notify.Message) error {
	_ = b.Tx.MessagePut(m)
	return b.fails("MessagePut")
}
func (b *broken) MessageHold(m notify.Message) error {
	_ = b.Tx.MessageHold(m)
	return b.fails("MessageHold")
}
func (b *broken) MessageTries(i id.ID) ([]notify.Try, error) {
	tries, _ := b.Tx.MessageTries(i)
	return tries, b.fails("MessageTries")
}
func (b *broken) TryPut(i id.ID, t notify.Try) error {
	_ = b.Tx.TryPut(i, t)
	return b.fails("TryPut")
}
func (b *broken) MessageDue(now time.Time) (bool, error) {
	due, _ := b.QueuedTx.MessageDue(now)
	return due, b.fails("MessageDue")
}
func (b *broken) MessageClaim(route, owner string, now, until time.Time) (notify.Message, bool, error) {
	m, found, _ := b.QueuedTx.MessageClaim(route, owner, now, until)
	return m, found, b.fails("MessageClaim")
}
func (b *broken) MessagesStray(mine, down []string, now, stray time.Time, most int) ([]notify.Message, error) {
	all, _ := b.QueuedTx.MessagesStray(mine, down, now, stray, most)
	return all, b.asked("MessagesStray", most)
}
func (b *broken) MessagesWake(phone string, now, tried time.Time) error {
	_ = b.QueuedTx.MessagesWake(phone, now, tried)
	return b.fails("MessagesWake")
}
func (b *broken) MessagesWakeRoute(route string, now time.Time) error {
	_ = b.QueuedTx.MessagesWakeRoute(route, now)
	return b.fails("MessagesWakeRoute")
}
func (b *broken) MessagesAfter(m notify.Message, purposes []notify.Purpose, most int) ([]notify.Message, error) {
	all, _ := b.QueuedTx.MessagesAfter(m, purposes, most)
	return all, b.asked("MessagesAfter", most)
}
func (b *broken) MessageOfTry(route, reference, phone string, since time.Time) (id.ID, int, bool, error) {
	i, n, found, _ := b.Tx.MessageOfTry(route, reference, phone, since)
	return i, n, found, b.fails("MessageOfTry")
}
func (b *broken) MessageTotal(month, route string, parts int, cost int64) error {
	_ = b.Tx.MessageTotal(month, route, parts, cost)
	return b.fails("MessageTotal")
}
func (b *broken) MessageTotals(most int) ([]notify.Total, error) {
	all, _ := b.Tx.MessageTotals(most)
	return all, b.asked("MessageTotals", most)
}
func (b *broken) MessageList(f notify.Filter, before id.ID, most int) ([]notify.Message, error) {
	all, _ := b.Tx.MessageList(f, before, most)
	return all, b.asked("MessageList", most)
}
func (b *broken) MessageAtMeter(meter int64, now time.Time) (notify.Message, bool, error) {
	m, found, _ := b.Tx.MessageAtMeter(meter, now)
	return m, found, b.fails("MessageAtMeter")
}
func (b *broken) MeterMessages(meter int64, since time.Time, most int) ([]notify.MeterMessage, error) {
	all, _ := b.Tx.MeterMessages(meter, since, most)
	return all, b.asked("MeterMessages", most)
}

func (b *broken) VendTokens(meter int64, before id.ID, most int) ([]sale.Token, error) {
	all, _ := b.CarriedTx.VendTokens(meter, before, most)
	return all, b.asked("VendTokens", most)
}
func (b *broken) TokenForPush(token id.ID) (sale.Token, string, bool, error) {
	t, number, found, _ := b.CarriedTx.TokenForPush(token)
	return t, number, found, b.fails("TokenForPush")
}
func (b *broken) TokenSent(token id.ID) error {
	_ = b.CarriedTx.TokenSent(token)
	return b.fails("TokenSent")
}
func (b *broken) VendSale(i id.ID) (sale.Sale, bool, error) {
	s, found, _ := b.CarriedTx.VendSale(i)
	return s, found, b.fails("VendSale")
}
func (b *broken) VendNumbered(receiptNo string) (id.ID, error) {
	i, _ := b.CarriedTx.VendNumbered(receiptNo)
	return i, b.fails("VendNumbered")
}
func (b *broken) ReportedToken(meter int64, t *pw.Token) (metering.OwnToken, bool, error) {
	own, found, _ := b.CarriedTx.ReportedToken(meter, t)
	return own, found, b.fails("ReportedToken")
}
func (b *broken) TokenAnswered(t metering.OwnToken, s metering.TokenState, result string, at time.Time) error {
	_ = b.CarriedTx.TokenAnswered(t, s, result, at)
	return b.fails("TokenAnswered")
}
func (b *broken) TokenByHash(hash []byte) (sale.Token, id.ID, bool, error) {
	t, meter, found, _ := b.CarriedTx.TokenByHash(hash)
	return t, meter, found, b.fails("TokenByHash")
}
func (b *broken) Bought() notify.BoughtTx { return brokenBought{b, b.CarriedTx.Bought()} }
func (b *broken) SoldHere(i id.ID) (bool, error) {
	here, _ := b.CarriedTx.SoldHere(i)
	return here, b.fails("SoldHere")
}

func (b *broken) MeterByID(i id.ID) (registry.Meter, bool, error) {
	m, found, _ := b.RecipientTx.Meters().MeterByID(i)
	return m, found, b.fails("MeterByID")
}
func (b *broken) MeterByNumber(number string) (registry.Meter, bool, error) {
	m, found, _ := b.RecipientTx.Meters().MeterByNumber(number)
	return m, found, b.fails("MeterByNumber")
}
func (b *broken) MeterBySIM(phone string) (registry.Meter, bool, error) {
	m, found, _ := b.RecipientTx.MeterBySIM(phone)
	return m, found, b.fails("MeterBySIM")
}
func (b *broken) SIMOf(meter int64) (string, error) {
	sim, _ := b.RecipientTx.SIMOf(meter)
	return sim, b.fails("SIMOf")
}
func (b *broken) NoticeTo(number string) (notify.Addressee, bool, error) {
	to, found, _ := b.RecipientTx.NoticeTo(number)
	return to, found, b.fails("NoticeTo")
}
func (b *broken) Arrivals(phone string, since time.Time, most int) ([]string, error) {
	all, _ := b.RecipientTx.Arrivals(phone, since, most)
	return all, b.asked("Arrivals", most)
}
func (b *broken) AnswersTo(phone string, since time.Time, most int) ([]notify.Answer, error) {
	all, _ := b.RecipientTx.AnswersTo(phone, since, most)
	return all, b.asked("AnswersTo", most)
}
func (b *broken) AnswersAbout(meter int64, since time.Time, most int) ([]notify.Answer, error) {
	all, _ := b.RecipientTx.AnswersAbout(meter, since, most)
	return all, b.asked("AnswersAbout", most)
}
func (b *broken) MessagesOf(p notify.Purpose, since time.Time, most int) (int, error) {
	n, _ := b.RecipientTx.MessagesOf(p, since, most)
	return n, b.asked("MessagesOf "+string(p), most)
}
func (b *broken) Subscriptions(phone string, most int) ([]notify.Subscription, error) {
	all, _ := b.RecipientTx.Subscriptions(phone, most)
	return all, b.asked("Subscriptions", most)
}
func (b *broken) SetNotices(phone string, on bool) error {
	_ = b.RecipientTx.SetNotices(phone, on)
	return b.fails("SetNotices")
}
func (b *broken) TenantSettings() (registry.Settings, error) {
	s, _ := b.RecipientTx.TenantSettings()
	return s, b.fails("TenantSettings")
}
func (b *broken) MeterRecord(meter id.ID) (registry.MeterRecord, bool, error) {
	r, found, _ := b.RecipientTx.MeterRecord(meter)
	return r, found, b.fails("MeterRecord")
}
func (b *broken) Readings(meter int64, s metering.Span, after metering.After, most int) ([]metering.StoredReading, error) {
	all, _ := b.RecipientTx.Readings(meter, s, after, most)
	return all, b.asked("Readings", most)
}
func (b *broken) WalletUsed(meter int64, today, yesterday string) (notify.WalletUse, error) {
	u, _ := b.RecipientTx.WalletUsed(meter, today, yesterday)
	return u, b.fails("WalletUsed")
}
func (b *broken) ReportedBalance(m registry.Meter) (reported, texted *registry.ReportedBalance, err error) {
	reported, texted, _ = b.RecipientTx.ReportedBalance(m)
	return reported, texted, b.fails("ReportedBalance")
}
func (b *broken) DeviceWasRead(meter int64) (bool, error) {
	read, _ := b.RecipientTx.DeviceWasRead(meter)
	return read, b.fails("DeviceWasRead")
}

func (b *broken) WalletFigures(meter int64) (settled, available money.Amount, asOf time.Time, found bool, err error) {
	settled, available, asOf, found, _ = b.RecipientTx.WalletFigures(meter)
	return settled, available, asOf, found, b.fails("WalletFigures")
}

func (b *broken) Tenants() ([]access.Tenant, error) {
	all, _ := b.OutcomeTx.Tenants()
	return all, b.fails("Tenants")
}
func (b *broken) AuditLog(e access.Entry) error {
	_ = b.OutcomeTx.AuditLog(e)
	return b.fails("AuditLog")
}
func (b *broken) RaiseAlarm(meter int64, a metering.Alarm) error {
	_ = b.OutcomeTx.RaiseAlarm(meter, a)
	return b.fails("RaiseAlarm")
}
func (b *broken) ClearAlarmText(server string, code metering.AlarmCode, text string) error {
	_ = b.OutcomeTx.ClearAlarmText(server, code, text)
	return b.fails("ClearAlarmText")
}

// brokenNotices are the rows of an account, with a failing statement.
type brokenNotices struct {
	wallet.NoticeTx
	b *broken
}

func (b *broken) Notices() wallet.NoticeTx { return brokenNotices{b.Tx.Notices(), b} }
func (n brokenNotices) AuditLog(e access.Entry) error {
	_ = n.NoticeTx.AuditLog(e)
	return n.b.fails("Notices.AuditLog")
}

// The other statements that a sale's messages need.

func (b *broken) AddresseeOf(meter int64) (notify.Addressee, bool, error) {
	to, found, _ := b.Tx.(notify.SaleTx).AddresseeOf(meter)
	return to, found, b.fails("AddresseeOf")
}
func (b *broken) SaleNotified(i, customer id.ID) (bool, error) {
	told, _ := b.Tx.(notify.SaleTx).SaleNotified(i, customer)
	return told, b.fails("SaleNotified")
}
func (b *broken) MessagesForget(before time.Time, most int, purposes ...notify.Purpose) (int, error) {
	n, _ := b.Tx.(notify.ForgetTx).MessagesForget(before, most, purposes...)
	return n, b.fails("MessagesForget")
}

// brokenBought is the last sale of a broken transaction.
type brokenBought struct {
	b *broken
	notify.BoughtTx
}

func (b brokenBought) VendTokens(meter int64, before id.ID, most int) ([]sale.Token, error) {
	tokens, _ := b.BoughtTx.VendTokens(meter, before, most)
	return tokens, b.b.fails("VendTokens")
}
