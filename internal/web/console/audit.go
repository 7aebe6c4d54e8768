package console

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/report"
	"github.com/paywatt/paywatt/unit"
)

// auditRow is a row of the audit log.
type auditRow struct {
	At, Actor, IP, Did, Action, Object, Before, After, Reason string // Did is the action in words, if it has a name
	Alone                                                     bool
}

// auditPage is a page of the audit log with its filter.
type auditPage struct {
	Rows                            []auditRow
	Next                            string
	Actor, Action, Object, From, To string
}

// audit lists the audit log, newest first.
func (s *Console) audit(w http.ResponseWriter, r *http.Request, v visit) {
	q := r.URL.Query()
	field := func(name string) string { return strings.TrimSpace(q.Get(name)) }
	d := auditPage{Actor: field("actor"), Action: field("action"), Object: field("object"), From: field("from"), To: field("to")}
	list, err := s.c.Reports.Audit(r.Context(), v.by, report.AuditRequest{Actor: d.Actor, Action: d.Action, Object: d.Object, From: d.From, To: d.To},
		registry.Page{Limit: pageSize, Cursor: q.Get("cursor")})
	if s.stopped(w, r, v, err, list.Refusal) {
		return
	}
	d.Next = nextPage("/audit", q, list.Next)
	for _, e := range list.Rows {
		d.Rows = append(d.Rows, v.site.audited(e.Entry))
	}
	s.show(w, r, http.StatusOK, auditView(s.page(r, v, v.site.say.AuditTitle()), d))
}

func (t site) audited(e access.Entry) auditRow {
	return auditRow{At: t.clock(e.At), Actor: t.actor(e.Actor), IP: e.IP, Did: t.did(e.Action), Action: e.Action, Object: e.Object, Before: t.fields(e.Before),
		After: t.fields(e.After), Reason: e.Reason, Alone: e.SinglePerson}
}

// did names an action in words, if the catalogue has a name for it.
func (t site) did(action string) string {
	key := strings.NewReplacer(".", "-", "_", "-").Replace(action)
	if name := t.say.Name("action", key); name != key {
		return name
	}
	return ""
}

// fields writes the details of an audit row, such as "till=main opening=50000", for people: "Till: main, Cash at the beginning: KES 500.00".
// Details of any other form stay sentences.
func (t site) fields(details string) string {
	var out []string
	for rest := details; rest != ""; {
		key, after, found := strings.Cut(rest, "=")
		if !found || key == "" || strings.ContainsAny(key, " {[\"") {
			return t.shown(details)
		}
		var value string
		if strings.HasPrefix(after, `"`) {
			quoted, err := strconv.QuotedPrefix(after)
			if err != nil {
				return t.shown(details)
			}
			value, _ = strconv.Unquote(quoted)
			after = after[len(quoted):]
		} else {
			value, after, _ = strings.Cut(after, " ")
		}
		rest = strings.TrimSpace(after)
		name, text := t.auditDetail(key, value)
		if code, more, _ := strings.Cut(rest, " "); len(code) == 3 { // the currency of an amount in minor units
			n, err := strconv.ParseInt(value, 10, 64)
			if _, known := money.CurrencyOf(code); known && err == nil {
				text, rest = t.say.Sum(money.Amount{Minor: money.Minor(n), Currency: code}), strings.TrimSpace(more)
			}
		}
		if value != "" && !isHash(value) {
			out = append(out, t.say.AuditField(name, text))
		}
	}
	return t.say.List(out...)
}

// isHash reports whether a value is a hash, which programs compare and people do not.
func isHash(value string) bool {
	return len(value) == 64 && strings.Trim(value, "0123456789abcdef") == ""
}

// auditDetail words one detail of an audit row: the name of its field, and its value in the unit that the field's name ends with.
func (t site) auditDetail(key, value string) (name, text string) {
	field := key
	for _, suffix := range []string{"_minor", "_wh", "_bps", "_w", "_s"} {
		field = strings.TrimSuffix(field, suffix)
	}
	name, text = t.say.Name("audit-field", field), t.shown(value)
	n, err := strconv.ParseInt(value, 10, 64)
	switch {
	case value == "true":
		text = t.say.PeopleYes()
	case value == "false":
		text = t.say.PeopleNo()
	case key == "role":
		text = t.say.Name(key, roleKey(value))
	case key == "mode" || key == "billing":
		text = t.say.Name(key, value)
	case key == "tids":
		text = t.tids(value)
	case err != nil:
	case strings.HasSuffix(key, "_wh"):
		text = t.say.Energy(unit.Energy(n), 3)
	case strings.HasSuffix(key, "_bps"):
		text = t.say.Percent(money.Bps(n))
	case strings.HasSuffix(key, "_w"):
		text = t.say.Watts(n)
	case strings.HasSuffix(key, "_minor") || slices.Contains(moneyFields[:], key):
		text = t.say.Sum(money.Amount{Minor: money.Minor(n), Currency: t.currency})
	}
	return name, text
}

// tids words the tokens of a sale, such as "6785103:34700": each number with its energy.
func (t site) tids(value string) string {
	var out []string
	for one := range strings.SplitSeq(value, ",") {
		tid, wh, _ := strings.Cut(one, ":")
		n, err := strconv.ParseInt(wh, 10, 64)
		if err != nil {
			return value
		}
		out = append(out, tid+" ("+t.say.Energy(unit.Energy(n), 3)+")")
	}
	return t.say.List(out...)
}

// moneyFields are the fields of audit rows with an amount in minor units whose names do not say so.
var moneyFields = [...]string{"amount", "opening", "counted", "expected", "difference", "left", "deposit", "carry", "wallet", "debts_paid", "final_bill", "refund_due",
	"still_owed", "single", "daily", "debits"}
