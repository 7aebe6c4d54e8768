package store_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/books"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/messages"
	"github.com/paywatt/paywatt/internal/store/meters"
	"github.com/paywatt/paywatt/internal/store/people"
	"github.com/paywatt/paywatt/internal/store/sales"
)

// TestListsOfColumnsAreTheSchema: every column of a listed table is in its list once, none is there that the table lacks,
// and each is read as what the schema says it is.
func TestListsOfColumnsAreTheSchema(t *testing.T) {
	forms := map[string]string{"TEXT": "t", "INTEGER": "i", "BLOB": "b"}
	undone(t, func(tx *store.Tx) error {
		for _, l := range lists() {
			table, columns := l.Listed()
			got := map[string]string{}
			for _, c := range columns {
				if got[c.Name] != "" {
					t.Errorf("The list of %s has column %s twice", table, c.Name)
				}
				got[c.Name] = string(c.Form)
			}
			err := tx.C.Query(`SELECT name, type FROM pragma_table_info('`+table+`')`, func(r core.Row) error {
				name, form := r.Text(0), forms[r.Text(1)]
				if is, ok := got[name]; ok && is != form {
					t.Errorf("Column %s of %s has form %s in the list, want %s: it is %s in the schema", name, table, is, form, r.Text(1))
				} else if !ok && name != "tenant_id" {
					t.Errorf("Column %s of %s is not in the list: add it to the unattested columns, or store it in a new table with evidence", name, table)
				}
				delete(got, name)
				return nil
			})
			if err != nil {
				return err
			}
			for name := range got {
				t.Errorf("The list of %s has column %s, which the table lacks", table, name)
			}
		}
		return nil
	})
}

// TestEvidenceIsMadeOfLists: every column of some evidence stands in a list, and every attested column of a list is in some evidence.
func TestEvidenceIsMadeOfLists(t *testing.T) {
	type column struct{ table, name string }
	hashed, attested, known := map[column]bool{}, map[column]bool{}, map[column]bool{}
	aliases := regexp.MustCompile(`(?:^|JOIN )(\w+) (\w)\b`)
	for _, k := range store.AttestedKinds() {
		tables := map[string]string{}
		for _, m := range aliases.FindAllStringSubmatch(k.From, -1) {
			tables[m[2]] = m[1]
		}
		for _, c := range strings.Split(k.Proof.Columns, ", ") {
			alias, name, _ := strings.Cut(c, ".")
			hashed[column{tables[alias], name}] = true
		}
	}
	for _, l := range lists() {
		table, columns := l.Listed()
		for _, c := range columns {
			known[column{table, c.Name}] = true
			if c.Attested {
				attested[column{table, c.Name}] = true
			}
		}
	}
	for c := range hashed {
		if !known[c] {
			t.Errorf("Evidence has column %s of %s, which no list has", c.name, c.table)
		}
	}
	for c := range attested {
		if !hashed[c] {
			t.Errorf("The list of %s says that %s is attested; no evidence has it", c.table, c.name)
		}
	}
}

func lists() []core.Listed {
	return slices.Concat(core.Lists[:], people.Lists[:], books.Lists[:], meters.Lists[:], messages.Lists[:], sales.Lists[:])
}
