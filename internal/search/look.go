package search

import (
	"cmp"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
)

// look is one search in a transaction. It collects hits, each once.
type look struct {
	tx     Tx
	by     access.Actor
	q      registry.Query
	hasher sale.Hasher
	hits   []Hit
}

// add adds a hit unless it is there already, as the same thing.
func (l *look) add(h Hit) {
	if !slices.ContainsFunc(l.hits, func(o Hit) bool { return o.ID == h.ID }) {
		l.hits = append(l.hits, h)
	}
}

func (l *look) found() Found {
	more := len(l.hits) > MaxHits
	return Found{Hits: l.hits[:min(len(l.hits), MaxHits)], More: more}
}

// joined writes what is known of something in one line.
func joined(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " · ")
}

func (l *look) meter(m MeterRow) Hit {
	h := Hit{Kind: Meter, ID: m.ID.Text(id.Meter), Title: m.Number, Meter: m.Number}
	if l.by.May(access.ReadCustomers) {
		h.Detail = joined(m.Name, m.Address)
	}
	return h
}

// named finds what has a typed id.
func (l *look) named() error {
	prefix, _, ok := strings.Cut(strings.ToLower(l.q.Text), "_")
	if !ok {
		return nil
	}
	switch prefix + "_" {
	case id.Account, id.Customer:
		return l.holder(prefix + "_")
	case id.Meter:
		ref, no := registry.ParseRef(l.q.Text)
		if no.Refused() || !l.by.May(access.ReadMeters) {
			return nil
		}
		return l.meters(l.tx.MeterSearched(ref.ID))
	}
	return nil
}

// holder finds a customer by the customer's id, or by that of an account.
func (l *look) holder(prefix string) error {
	i, err := id.Parse(prefix, l.q.Text)
	if err != nil || !l.by.May(access.ReadCustomers) {
		return nil
	}
	h := Hit{Kind: Customer, ID: i.Text(prefix)}
	find := l.tx.CustomerByID
	if prefix == id.Account {
		h.Kind, find = Account, l.tx.AccountHolder
	}
	c, found, err := find(i)
	if err != nil || !found {
		return err
	}
	rows, err := l.tx.MetersOf(i, MaxHits+1)
	if err != nil {
		return err
	}
	h.Title, h.Detail = cmp.Or(c.Name, h.ID), c.Phone
	if len(rows) > 0 {
		h.Meter, h.Detail = rows[0].Number, joined(c.Phone, rows[0].Number, rows[0].Address)
	}
	l.add(h)
	return nil
}

// sale finds a sale. A vendor sees only its own.
func (l *look) sale(kind Kind, i id.ID) error {
	if i.IsZero() || !l.by.May(access.ReadVends) {
		return nil
	}
	s, found, err := l.tx.VendSale(i)
	if err != nil || !found || !l.by.Sees(s.Vendor) {
		return err
	}
	l.add(saleHit(kind, s))
	return nil
}

func saleHit(kind Kind, s sale.Sale) Hit {
	h := Hit{Kind: kind, ID: s.ID.Text(id.Vend), Title: cmp.Or(s.ReceiptNo, s.ID.Text(id.Vend)), Meter: s.Meter.Number}
	h.Sale, h.Detail = h.ID, s.Meter.Number
	if c, ok := money.CurrencyOf(s.Tender.Currency); ok {
		h.Detail = joined(c.Code+" "+money.Format(s.Tender.Minor, c), s.Meter.Number)
	}
	return h
}

// sold finds a sale by its id or the number of its receipt.
func (l *look) sold() error {
	i, err := sale.Named(l.tx, l.q.Text)
	if err != nil || i.IsZero() {
		return err
	}
	kind := Receipt
	if strings.HasPrefix(strings.ToLower(l.q.Text), id.Vend) {
		kind = Sale
	}
	return l.sale(kind, i)
}

// paid finds a payment by its id, or by the name that its provider gave it. Providers write letters of names large.
func (l *look) paid() error {
	if !l.by.OfUtility() || !l.by.May(access.ReadPayments) {
		return nil
	}
	if i, err := id.Parse(id.Payment, l.q.Text); err == nil {
		p, found, err := l.tx.PaymentByID(i)
		if err == nil && found {
			l.add(paymentHit(p))
		}
		return err
	}
	for _, name := range slices.Compact([]string{l.q.Text, strings.ToUpper(l.q.Text)}) {
		all, err := l.tx.PaymentsNamed(name, MaxHits+1)
		if err != nil {
			return err
		}
		for _, p := range all {
			l.add(paymentHit(p))
		}
	}
	return nil
}

func paymentHit(p payment.Payment) Hit {
	h := Hit{Kind: Payment, ID: p.Name(), Title: p.Provider + " " + p.Txn, Detail: p.Meter, Meter: p.Meter}
	if c, ok := money.CurrencyOf(p.Amount.Currency); ok {
		h.Detail = joined(c.Code+" "+money.Format(p.Amount.Minor, c), p.Meter)
	}
	return h
}

// token finds a token by all its digits.
func (l *look) token() error {
	if len(l.q.Digits) != registry.TokenDigits || !l.by.May(access.ReadVends) {
		return nil
	}
	for _, hash := range sale.Hashes(l.hasher, []byte(l.q.Digits)) {
		t, found, err := l.tx.TokenSearched(hash)
		if err == nil && found {
			err = l.typed(t)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ending finds tokens by their last digits, for those who may see digits.
func (l *look) ending() error {
	if len(l.q.Digits) != sale.TailDigits || !l.by.May(access.ShowTokens) || !l.by.May(access.ReadVends) {
		return nil
	}
	for _, tail := range sale.Tails(l.hasher, []byte(l.q.Digits)) {
		rows, err := l.tx.TokensEnding(tail, MaxHits+1)
		if err != nil {
			return err
		}
		for _, t := range rows {
			if err := l.typed(t); err != nil {
				return err
			}
		}
	}
	return nil
}

// typed adds a token whose digits were typed, with its sale. A vendor sees only its own sales.
func (l *look) typed(t TokenRow) error {
	h := Hit{Kind: Token, ID: t.ID.Text(id.Token), Title: t.ID.Text(id.Token), Detail: t.Meter, Meter: t.Meter}
	if t.Sale.IsZero() {
		if l.by.OfUtility() {
			l.add(h)
		}
		return nil
	}
	s, found, err := l.tx.VendSale(t.Sale)
	if err != nil || !found || !l.by.Sees(s.Vendor) {
		return err
	}
	of := saleHit(Token, s)
	h.Title, h.Detail, h.Sale = of.Title, of.Detail, of.Sale
	l.add(h)
	return nil
}

// numbered finds meters by the whole number, or by its first digits. Whoever may only sell has to know the whole number.
func (l *look) numbered() error {
	reads := l.by.May(access.ReadMeters)
	if !reads && !l.by.May(access.Quote) {
		return nil
	}
	for _, digits := range l.q.Numbers {
		rows, err := l.tx.MetersNumbered(digits, MaxHits+1)
		if err != nil {
			return err
		}
		for _, m := range rows {
			if reads || m.Number == digits {
				l.add(l.meter(m))
			}
		}
	}
	return nil
}

// meters adds the meters of a list.
func (l *look) meters(rows []MeterRow, err error) error {
	for _, m := range rows {
		l.add(l.meter(m))
	}
	return err
}

// worded finds customers and their meters by name, telephone and address. A whole telephone number is looked up by its end.
func (l *look) worded() error {
	if !l.by.May(access.ReadCustomers) {
		return nil
	}
	if l.q.Whole() {
		return l.called()
	}
	for _, words := range l.q.Terms() {
		if l.by.May(access.ReadMeters) {
			if err := l.meters(l.tx.MetersSearched(words, MaxHits+1)); err != nil {
				return err
			}
		}
		customers, err := l.tx.CustomersSearched(words, MaxHits+1)
		if err != nil {
			return err
		}
		for _, c := range customers {
			if err := l.customer(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// called finds customers and their meters by a whole telephone number.
func (l *look) called() error {
	if l.q.Phone == "" {
		return nil
	}
	if l.by.May(access.ReadMeters) {
		if err := l.meters(l.tx.MetersCalled(l.q.Phone, MaxHits+1)); err != nil {
			return err
		}
	}
	customers, err := l.tx.CustomersCalled(l.q.Phone, MaxHits+1)
	for _, c := range customers {
		if err == nil {
			err = l.customer(c)
		}
	}
	return err
}

func (l *look) customer(c registry.Customer) error {
	rows, err := l.tx.MetersOf(c.ID, 2)
	if err != nil {
		return err
	}
	h := Hit{Kind: Customer, ID: c.ID.Text(id.Customer), Title: c.Name, Detail: c.Phone}
	if len(rows) == 1 {
		h.Meter = rows[0].Number
	}
	l.add(h)
	return nil
}

// maxPeople is how many people a search reads.
const maxPeople = 1000

// people finds who signs in, by name or e-mail address.
func (l *look) people() error {
	if !l.by.May(access.ManagePeople) || l.q.Digits != "" {
		return nil
	}
	all, err := l.tx.PersonPage(id.ID{}, maxPeople)
	for _, p := range all {
		text := registry.Folded(p.Name + " " + p.Email)
		if !slices.ContainsFunc(l.q.Words, func(w string) bool { return !strings.Contains(text, w) }) {
			l.add(Hit{Kind: Person, ID: p.ID.Text(id.Person), Title: cmp.Or(p.Name, p.Email), Detail: joined(p.Email, string(p.Role))})
		}
	}
	return err
}
