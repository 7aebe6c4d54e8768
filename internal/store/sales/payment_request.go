package sales

import (
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/store/core"
)

var requestColumns = core.Columns[payment.PaymentRequest]{Table: "payment_request", Attested: []core.Column[payment.PaymentRequest]{
	core.Text("provider", func(r *payment.PaymentRequest) *string { return &r.Provider }),
	core.Text("meter", func(r *payment.PaymentRequest) *string { return &r.Meter }),
	core.Int("amount", func(r *payment.PaymentRequest) *money.Minor { return &r.Amount.Minor }),
	core.Text("currency", func(r *payment.PaymentRequest) *string { return &r.Amount.Currency }),
	core.Text("phone", func(r *payment.PaymentRequest) *string { return &r.Phone }),
	core.Text("state", func(r *payment.PaymentRequest) *payment.AskState { return &r.State }),
	core.Text("handle", func(r *payment.PaymentRequest) *string { return &r.Handle }),
	core.ID("payment_id", func(r *payment.PaymentRequest) *id.ID { return &r.Payment }),
	core.Text("by_actor", func(r *payment.PaymentRequest) *string { return &r.By }),
}, Unattested: []core.Column[payment.PaymentRequest]{
	core.ID("id", func(r *payment.PaymentRequest) *id.ID { return &r.ID }),
	core.Text("reason", func(r *payment.PaymentRequest) *string { return &r.Reason }),
	core.Text("page", func(r *payment.PaymentRequest) *string { return &r.Page }),
	core.Time("created_at", func(r *payment.PaymentRequest) *time.Time { return &r.MadeAt }),
	core.Time("sent_at", func(r *payment.PaymentRequest) *time.Time { return &r.SentAt }),
	core.Time("ends_at", func(r *payment.PaymentRequest) *time.Time { return &r.EndsAt }),
	core.Time("decided_at", func(r *payment.PaymentRequest) *time.Time { return &r.DecidedAt }),
	core.Int("version", func(r *payment.PaymentRequest) *int64 { return &r.Version }).ReadOnly(),
}}

// requestKind is the name of payment requests in evidence, and PaymentRequestKind describes it.
const requestKind = "payment_request"

var PaymentRequestKind = core.AttestedKind{Name: requestKind, Noun: "Payment request", Prefix: id.PaymentRequest, From: "payment_request r", Key: "id",
	Order: "r.version", Proof: requestColumns.Proof("r")}

var requestQuery = `SELECT ` + requestColumns.List("") + ` FROM payment_request WHERE tenant_id = $1 AND `

// AddRequest stores a new request to pay.
func (tx Rows) AddRequest(r payment.PaymentRequest) error {
	_, err := tx.C.Exec(`INSERT INTO `+requestColumns.Into(), requestColumns.Values(tx.Tenant, &r)...)
	if err == nil {
		err = tx.Attest(requestKind, r.ID)
	}
	return fault.Wrap(err, "store a request to pay")
}

// PutRequest stores what became of a request that RequestByID locked.
func (tx Rows) PutRequest(r payment.PaymentRequest) error {
	err := tx.Rewrite(requestKind, r.ID, func() error {
		return tx.Must(`UPDATE payment_request SET state = $1, reason = $2, handle = $3, page = $4, payment_id = $5, sent_at = $6, ends_at = $7, decided_at = $8,
			version = version + 1 WHERE tenant_id = $9 AND id = $10`,
			string(r.State), r.Reason, r.Handle, r.Page, r.Payment, r.SentAt, r.EndsAt, r.DecidedAt, tx.Tenant, r.ID)
	})
	return fault.Wrap(err, "write request %s", r.Name())
}

// RequestByID reads a request and locks it.
func (tx Rows) RequestByID(i id.ID) (payment.PaymentRequest, bool, error) {
	return tx.requestWhere(`id = $2`+tx.C.ForUpdate(), i)
}

// RequestByHandle finds a request by its provider's name for it, and locks it.
func (tx Rows) RequestByHandle(provider, handle string) (payment.PaymentRequest, bool, error) {
	return tx.requestWhere(`provider = $2 AND handle = $3 AND handle <> '' ORDER BY id DESC LIMIT 1`+tx.C.ForUpdate(), provider, handle)
}

// RequestLike finds the newest request since a time that a payment of this amount to a meter may answer, and locks it.
func (tx Rows) RequestLike(p payment.Payment, since time.Time) (payment.PaymentRequest, bool, error) {
	return tx.requestWhere(`meter = $2 AND created_at >= $3 AND provider = $4 AND amount = $5 AND currency = $6 AND payment_id IS NULL
		ORDER BY created_at DESC LIMIT 1`+tx.C.ForUpdate(), p.Meter, since, p.Provider, p.Amount.Minor, p.Amount.Currency)
}

func (tx Rows) requestWhere(condition string, args ...any) (r payment.PaymentRequest, found bool, err error) {
	found, err = tx.One(requestQuery+condition, requestColumns.To(&r), append([]any{tx.Tenant}, args...)...)
	return r, found, fault.Wrap(err, "find a request to pay")
}

// RequestsTo counts the requests to a telephone since a time, and RequestsBy those of somebody.
func (tx Rows) RequestsTo(phone string, since time.Time) (int64, error) {
	n, err := tx.Number(`SELECT COUNT(*) FROM payment_request WHERE tenant_id = $1 AND phone = $2 AND created_at >= $3`, tx.Tenant, phone, since)
	return n, fault.Wrap(err, "count the requests to a telephone")
}

// RequestsBy counts the requests of somebody since a time.
func (tx Rows) RequestsBy(actor string, since time.Time) (int64, error) {
	n, err := tx.Number(`SELECT COUNT(*) FROM payment_request WHERE tenant_id = $1 AND by_actor = $2 AND created_at >= $3`, tx.Tenant, actor, since)
	return n, fault.Wrap(err, "count the requests of somebody")
}

// RequestPage lists requests, newest first, before the given one or from the newest on.
func (tx Rows) RequestPage(before id.ID, max int) (out []payment.PaymentRequest, err error) {
	err = tx.C.Query(requestQuery+`id < $2 ORDER BY id DESC LIMIT $3`, requestColumns.AddTo(&out), tx.Tenant, core.UpTo(before), max)
	return out, fault.Wrap(err, "list requests to pay")
}

var questionColumns = core.Columns[payment.Question]{Table: "payment_question", Unattested: []core.Column[payment.Question]{
	core.Text("provider", func(q *payment.Question) *string { return &q.Provider }),
	core.Text("name", func(q *payment.Question) *string { return &q.Name }),
	core.ID("payment_id", func(q *payment.Question) *id.ID { return &q.Payment }),
	core.Time("asked_at", func(q *payment.Question) *time.Time { return &q.AskedAt }),
	{Name: "answered_at", Form: 'i'},
	{Name: "outcome", Form: 't'},
}}

// AddQuestion stores a question that the provider of a payment answers later. A question that is stored already stays as it is.
func (tx Rows) AddQuestion(q payment.Question) error {
	_, err := tx.C.Exec(`INSERT INTO `+questionColumns.Into()+` ON CONFLICT DO NOTHING`, questionColumns.Values(tx.Tenant, &q)...)
	return fault.Wrap(err, "store a question to a provider")
}

// QuestionNamed finds a question that has no answer yet, and locks it.
func (tx Rows) QuestionNamed(provider, name string) (q payment.Question, found bool, err error) {
	found, err = tx.One(`SELECT `+questionColumns.List("")+` FROM payment_question WHERE tenant_id = $1 AND provider = $2 AND name = $3
		AND answered_at IS NULL`+tx.C.ForUpdate(), questionColumns.To(&q), tx.Tenant, provider, name)
	return q, found, fault.Wrap(err, "find a question to a provider")
}

// QuestionKnown reports whether a question is stored, with or without an answer.
func (tx Rows) QuestionKnown(provider, name string) (bool, error) {
	n, err := tx.Number(`SELECT COUNT(*) FROM payment_question WHERE tenant_id = $1 AND provider = $2 AND name = $3`, tx.Tenant, provider, name)
	return n > 0, fault.Wrap(err, "look for a question to a provider")
}

// AnswerQuestion stores the outcome of a question.
func (tx Rows) AnswerQuestion(q payment.Question, at time.Time, o payment.Outcome) error {
	return fault.Wrap(tx.Must(`UPDATE payment_question SET answered_at = $1, outcome = $2 WHERE tenant_id = $3 AND provider = $4 AND name = $5`,
		at, string(o), tx.Tenant, q.Provider, q.Name), "store an answer of a provider")
}

// AnswersLike counts the answers with an outcome about a payment.
func (tx Rows) AnswersLike(p id.ID, o payment.Outcome) (int, error) {
	n, err := tx.Number(`SELECT COUNT(*) FROM payment_question WHERE tenant_id = $1 AND payment_id = $2 AND outcome = $3`, tx.Tenant, p, string(o))
	return int(n), fault.Wrap(err, "count answers of a provider")
}

// ParkedUnsold lists confirmed payments that are parked because their sale was refused, oldest first, after the given one.
func (tx Rows) ParkedUnsold(after id.ID, max int) (out []payment.Payment, err error) {
	err = tx.C.Query(paymentQuery+`id > $2 AND (status = 'received' OR status = 'parked') AND status = 'parked' AND confirmed_at IS NOT NULL
		AND reason = 'not-sold' ORDER BY id LIMIT $3`, paymentColumns.AddTo(&out), tx.Tenant, after[:], max)
	return out, fault.Wrap(err, "list payments without a sale")
}

// UnansweredAfter lists payments of a provider that it has not confirmed because it was silent, oldest first, after the given one.
func (tx Rows) UnansweredAfter(provider string, after id.ID, max int) (out []payment.Payment, err error) {
	err = tx.C.Query(paymentQuery+`id > $2 AND (status = 'received' OR status = 'parked') AND status = 'received' AND confirmed_at IS NULL
		AND reason = 'unanswered' AND provider = $3 ORDER BY id LIMIT $4`, paymentColumns.AddTo(&out), tx.Tenant, after[:], provider, max)
	return out, fault.Wrap(err, "list payments about which a provider was silent")
}

// SetListed stores up to when the list of a provider was read.
func (tx Rows) SetListed(provider id.ID, to time.Time) error {
	return fault.Wrap(tx.Must(`UPDATE provider SET listed_to = $1 WHERE tenant_id = $2 AND id = $3`, to, tx.Tenant, provider), "store what was listed")
}

// ParkedAfter lists parked payments with one of the reasons for which no meter was found, oldest first, after the given one.
func (tx Rows) ParkedAfter(after id.ID, max int) (out []payment.Payment, err error) {
	err = tx.C.Query(paymentQuery+`id > $2 AND (status = 'received' OR status = 'parked') AND status = 'parked' AND confirmed_at IS NOT NULL
		AND reason IN ('unknown-reference', 'many-references') ORDER BY id LIMIT $3`, paymentColumns.AddTo(&out), tx.Tenant, after[:], max)
	return out, fault.Wrap(err, "list payments without a meter")
}
