package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
)

// TestAListKeepsEveryValue: what a list brings to the database comes back as it was, in its order.
func TestAListKeepsEveryValue(t *testing.T) {
	e := openOn(t, pgtest.New(t), postgres.Options{SealEvery: -1})
	at, i := time.UnixMicro(1_790_000_000_123_456).UTC(), id.ID{1, 2, 255}
	numbers := core.List{Form: 'i', Values: []any{int64(-1 << 63), int64(1<<63 - 1), nil, true, uint16(9), at, 7}}
	texts := core.List{Form: 't', Values: []any{"", `{"a",NULL}`, nil, "é\\'\n", "NULL", "}", " "}}
	bytes := core.List{Form: 'b', Values: []any{[]byte{}, []byte{0, 255}, nil, i, id.ID{}, []byte("x"), []byte(nil)}}
	want := []string{
		`-9223372036854775808 "" ""`, `9223372036854775807 "{\"a\",NULL}" "\x00\xff"`, `NULL NULL NULL`, fmt.Sprintf(`1 "é\\'\n" %q`, i[:]),
		`9 "NULL" NULL`, `1790000000123456 "}" "x"`, `7 " " NULL`}
	var got []string
	err := e.View(t.Context(), store.FirstTenant, func(tx *store.Tx) error {
		return tx.C.Query(`SELECT n, t, b FROM unnest($1::bigint[], $2::text[], $3::bytea[]) l(n, t, b)`, func(r core.Row) error {
			n, text, b := "NULL", "NULL", "NULL"
			if !r.IsNull(0) {
				n = fmt.Sprint(r.Int(0))
			}
			if !r.IsNull(1) {
				text = fmt.Sprintf("%q", r.Text(1))
			}
			if !r.IsNull(2) {
				b = fmt.Sprintf("%q", r.Bytes(2))
			}
			got = append(got, n+" "+text+" "+b)
			return nil
		}, numbers, texts, bytes)
	})
	if err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("lists come back as\n%s\nwant\n%s\n%v", strings.Join(got, "\n"), strings.Join(want, "\n"), err)
	}
	for _, l := range []core.List{{Form: 't', Values: []any{"a\x00"}}, {Form: 't', Values: []any{int64(1)}}, {Form: 'i', Values: []any{"1"}}, {Form: 'b', Values: []any{3.5}}} {
		err := e.View(t.Context(), store.FirstTenant, func(tx *store.Tx) error {
			return tx.C.Query(`SELECT * FROM unnest($1`+core.ListType(l.Form)+`)`, func(core.Row) error { return nil }, l)
		})
		if err == nil {
			t.Errorf("a list of %c took %#v", l.Form, l.Values[0])
		}
	}
}
