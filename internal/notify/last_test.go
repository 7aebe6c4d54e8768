package notify_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/sale"
)

// bought returns the last sale of each meter in an office. Each meter has one token, which belongs to that sale.
type bought struct{ o *office }

func (b bought) VendTokens(meter int64, _ id.ID, _ int) ([]sale.Token, error) {
	if _, found := b.o.sales[meter]; !found {
		return nil, nil
	}
	return []sale.Token{{Sale: id.ID{0: 1, 15: byte(meter)}}}, nil
}

func (b bought) VendSale(i id.ID) (sale.Sale, bool, error) {
	s := b.o.sales[int64(i[15])]
	out := sale.Sale{ID: s.Vend, State: sale.Completed, CompletedAt: s.At, Tender: s.Tender, Tokens: s.Tokens}
	switch {
	case s.Pending:
		out.State = sale.Held
	case s.Reversed:
		out.State = sale.Reversed
	}
	return out, true, nil
}

func (b bought) JobOfKey(id.ID) (sale.Job, bool, error) { return sale.Job{}, false, nil }
func (b bought) SoldHere(id.ID) (bool, error)           { return true, nil }

// ledgerOf has the rows of one meter's sales. One of its calls can be made to fail.
type ledgerOf struct {
	tokens []sale.Token
	sales  map[id.ID]sale.Sale
	change []sale.Token // tokens of a key change that the meter has not confirmed
	former bool         // the sale was to a former customer
	broken int          // number of the call that fails, from 1; 0 for none
	calls  []string
}

func (l *ledgerOf) fails(call string) error {
	if l.calls = append(l.calls, call); len(l.calls) == l.broken {
		return errStore
	}
	return nil
}

func (l *ledgerOf) VendTokens(meter int64, before id.ID, most int) ([]sale.Token, error) {
	return l.tokens, l.fails(fmt.Sprint("tokens ", meter, before.IsZero(), most))
}

func (l *ledgerOf) VendSale(i id.ID) (sale.Sale, bool, error) {
	s, found := l.sales[i]
	return s, found, l.fails("sale")
}

func (l *ledgerOf) JobOfKey(key id.ID) (sale.Job, bool, error) {
	return sale.Job{Tokens: l.change}, l.change != nil, l.fails(fmt.Sprint("job of key ", key[15]))
}

func (l *ledgerOf) SoldHere(i id.ID) (bool, error) {
	return !l.former, l.fails(fmt.Sprint("here ", i[15]))
}

func numbers(tokens []sale.Token) (out []byte) {
	for _, t := range tokens {
		out = append(out, t.ID[15])
	}
	return out
}

// TestTheLastSaleIsTheNewestThatCameToSomething checks that tokens that failed, and tokens without a sale, are skipped.
func TestTheLastSaleIsTheNewestThatCameToSomething(t *testing.T) {
	one, two := id.ID{15: 1}, id.ID{15: 2}
	rows := func() *ledgerOf {
		return &ledgerOf{
			tokens: []sale.Token{{State: sale.TokenIssued}, {Sale: two, State: sale.TokenFailed}, {Sale: one, State: sale.TokenIssued}},
			sales: map[id.ID]sale.Sale{
				one: {ID: one, Key: id.ID{15: 9}, State: sale.Completed, Tender: money.Amount{Minor: 7}, Tokens: []sale.Token{{ID: id.ID{15: 3}}}},
				two: {ID: two, State: sale.Completed}}}
	}
	l := rows()
	s, found, err := notify.LastSaleTo(l, 4)
	if err != nil || !found || s.Vend != one || s.Tender.Minor != 7 || s.Pending || s.Reversed || !slices.Equal(numbers(s.Tokens), []byte{3}) {
		t.Errorf("the last sale is %+v, %v, %v", s, found, err)
	}
	if want := []string{"tokens 4 true 50", "sale", "here 1", "job of key 9"}; !slices.Equal(l.calls, want) {
		t.Errorf("asked for %v, want %v", l.calls, want)
	}
	l = rows()
	l.change = []sale.Token{{ID: id.ID{15: 5}}, {ID: id.ID{15: 6}}}
	if s, _, _ := notify.LastSaleTo(l, 4); !slices.Equal(numbers(s.Tokens), []byte{5, 6, 3}) {
		t.Errorf("the tokens are %v, want the key change first", numbers(s.Tokens))
	}
	for state, want := range map[sale.State][2]bool{sale.Held: {true, false}, sale.Reversing: {false, true}, sale.Reversed: {false, true}} {
		l := rows()
		was := l.sales[one]
		was.State = state
		l.sales[one] = was
		if s, _, _ := notify.LastSaleTo(l, 4); s.Pending != want[0] || s.Reversed != want[1] {
			t.Errorf("a sale that is %s: pending %t, reversed %t, want %v", state, s.Pending, s.Reversed, want)
		}
	}
	for name, spoil := range map[string]func(*ledgerOf){"no token": func(l *ledgerOf) { l.tokens = nil }, "failed ones": func(l *ledgerOf) { l.tokens = l.tokens[:2] },
		"a former customer's": func(l *ledgerOf) { l.former = true }} {
		l := rows()
		spoil(l)
		if s, found, err := notify.LastSaleTo(l, 4); found || err != nil || s.Tokens != nil {
			t.Errorf("%s: the last sale is %+v, %v, %v, want none", name, s, found, err)
		}
	}
	l = rows()
	delete(l.sales, one)
	if _, found, err := notify.LastSaleTo(l, 4); found || err == nil {
		t.Errorf("a token without its sale: %v, %v", found, err)
	}
	for n := 1; n <= 4; n++ {
		l := rows()
		l.broken = n
		if s, found, err := notify.LastSaleTo(l, 4); found || s.Tokens != nil || !errors.Is(err, errStore) || len(l.calls) != n {
			t.Errorf("call %d fails: %+v, %v, %v after %v", n, s, found, err, l.calls)
		}
	}
}
