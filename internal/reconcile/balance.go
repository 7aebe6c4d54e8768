package reconcile

import (
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/statement"
)

// This file compares a day with the balances of the statements that cover it: the rows that count must lead from the day's opening balance to its
// closing balance, and the day must begin where the account's last statement ended. So a row that was lost or counted twice is found, whatever
// its name.

// PageDay is what one page of a file says about a day.
type PageDay struct {
	Day               time.Time // its begin
	File              id.ID
	Page              int
	Account, Currency string
	Opening, Closing  money.Minor // of the account on this day
	Balanced          bool        // the page has balances
	Credits           int         // payments on this day
	PaidIn            money.Minor // their sum
	Whole             bool        // the file was uploaded after the day, and covers all of it
}

// Unknowns of a day: what could not be compared.
const (
	FirstStatement = "first-statement" // no earlier statement of the account says how the day must begin
	NoBalances     = "no-balances"     // the files have no balances
	PartOfDay      = "part-of-day"     // the files were uploaded before the end of the day, or end within it
)

// maxPageDays is how many days of one page are listed one by one. Of a longer page, only the days with rows are.
const maxPageDays = 1000

// pageDays returns what a file says about each of its days.
func pageDays(f File, pages []statement.Page, rows []Row, zone *time.Location) (out []PageDay) {
	for n, p := range pages {
		var own []Row
		for _, r := range rows {
			if r.Page == n {
				own = append(own, r)
			}
		}
		out = append(out, daysOfPage(f, n, p, own, zone)...)
	}
	return out
}

// daysOfPage returns what one page says about each of its days.
func daysOfPage(f File, n int, p statement.Page, rows []Row, zone *time.Location) (out []PageDay) {
	type sums struct {
		moved, paidIn money.Minor
		credits       int
	}
	byDay := map[time.Time]sums{}
	for _, r := range rows {
		day := localday.Of(r.At.In(zone))
		s := byDay[day]
		s.moved += r.Amount
		if r.Kind == statement.Payment {
			s.credits++
			s.paidIn += r.Amount
		}
		byDay[day] = s
	}
	for _, day := range listedDays(p, byDay, zone) {
		s := byDay[day]
		d := PageDay{Day: day, File: f.ID, Page: n, Account: p.Account, Currency: p.Currency, Opening: p.Opening, Balanced: p.Balanced, Credits: s.credits, PaidIn: s.paidIn}
		for other, moved := range byDay {
			if other.Before(day) {
				d.Opening += moved.moved
			}
		}
		d.Closing = d.Opening + s.moved
		next := localday.Next(day)
		d.Whole = !f.AddedAt.Before(next) && !p.From.After(day) && !p.To.Before(next)
		out = append(out, d)
	}
	return out
}

// listedDays returns the days of a page, in order.
func listedDays[T any](p statement.Page, withRows map[time.Time]T, zone *time.Location) (out []time.Time) {
	for day := range withRows {
		out = append(out, day)
	}
	if p.From.IsZero() || p.To.Sub(p.From) > maxPageDays*24*time.Hour {
		slices.SortFunc(out, time.Time.Compare)
		return out
	}
	for day := localday.Of(p.From.In(zone)); day.Before(p.To); day = localday.Next(day) {
		if _, has := withRows[day]; !has {
			out = append(out, day)
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	return out
}

// account is what files say about one account on a day.
type account struct {
	name, currency string
	pages          []PageDay
}

// accounts groups what files say by account. Files write an account differently.
func accounts(pages []PageDay) (out []account) {
	for _, p := range pages {
		at := slices.IndexFunc(out, func(a account) bool { return a.currency == p.Currency && sameAccount(a.name, p.Account) })
		if at < 0 {
			out, at = append(out, account{name: p.Account, currency: p.Currency}), len(out)
		}
		out[at].pages = append(out[at].pages, p)
	}
	return out
}

// whole returns the pages that were written after the day and cover all of it, or all pages if none does.
func (a account) whole() []PageDay {
	out := slices.DeleteFunc(slices.Clone(a.pages), func(p PageDay) bool { return !p.Whole })
	if len(out) == 0 {
		return a.pages
	}
	return out
}

// balances returns the balances with which the day begins and ends. Pages may hold the same day, or parts of it that join: a balance with which one
// part ends and another one begins lies within the day, and so does one that a row leaves or finds. It returns false if the parts do not join.
func (a account) balances(rows []Row) (opening, closing money.Minor, known bool) {
	begins, ends := map[money.Minor]bool{}, map[money.Minor]bool{}
	for _, p := range a.whole() {
		if p.Balanced {
			begins[p.Opening], ends[p.Closing] = true, true
		}
	}
	before, after := map[money.Minor]bool{}, map[money.Minor]bool{}
	for _, r := range rows {
		if r.HasAfter {
			before[r.After-r.Amount], after[r.After] = true, true
		}
	}
	opening, one := outermost(begins, ends, after)
	closing, two := outermost(ends, begins, before)
	return opening, closing, one && two
}

// outermost returns the only one of some balances at which the day begins, or ends: it is not within the day.
func outermost(balances, joins, within map[money.Minor]bool) (money.Minor, bool) {
	if len(balances) == 1 {
		return one(balances)
	}
	free := map[money.Minor]bool{}
	for b := range balances {
		if !joins[b] {
			free[b] = true
		}
	}
	if len(free) > 1 {
		for b := range free {
			if within[b] && len(free) > 1 {
				delete(free, b)
			}
		}
	}
	return one(free)
}

// one returns the only balance of a set.
func one(set map[money.Minor]bool) (money.Minor, bool) {
	for b := range set {
		return b, len(set) == 1
	}
	return 0, false
}

// last returns the balance with which the account's last statement before the day ended. It returns false for known if there is none, or if its
// parts do not join.
func (a account) last(before []PageDay) (closing money.Minor, known bool) {
	var newest account
	for _, p := range before {
		if !p.Balanced || p.Currency != a.currency || !sameAccount(a.name, p.Account) || a.repeatsBegin(p) {
			continue
		}
		if len(newest.pages) > 0 && p.Day.After(newest.pages[0].Day) {
			newest.pages = nil
		}
		if len(newest.pages) == 0 || p.Day.Equal(newest.pages[0].Day) {
			newest.pages = append(newest.pages, p)
		}
	}
	_, closing, known = newest.balances(nil)
	return closing, known
}

// repeatsBegin reports whether a page of the account only says of an earlier day with which balance the page itself begins: it begins late on that day,
// and nothing moved then. So it does not show how the statement before it ended.
func (a account) repeatsBegin(earlier PageDay) bool {
	return !earlier.Whole && earlier.Opening == earlier.Closing && slices.ContainsFunc(a.pages, func(p PageDay) bool {
		return p.File == earlier.File && p.Page == earlier.Page
	})
}

// coverAccounts reports whether files cover the whole day for each account that they have on the day.
func coverAccounts(files []File, d Day) bool {
	for _, a := range accounts(d.Pages) {
		own := slices.DeleteFunc(slices.Clone(files), func(f File) bool {
			return !slices.ContainsFunc(a.pages, func(p PageDay) bool { return p.File == f.ID })
		})
		if !covers(own, d.From, d.To) {
			return false
		}
	}
	return true
}

// compareBalances compares the rows of a day with the balances of its statements.
func compareBalances(d Day) (found []Difference, unknown []string) {
	if !d.Stated {
		if slices.ContainsFunc(d.Pages, func(p PageDay) bool { return !p.Whole }) {
			unknown = append(unknown, PartOfDay)
		}
		return nil, unknown
	}
	all := accounts(d.Pages)
	for _, a := range all {
		rows := a.rows(d.Rows, len(all) == 1)
		moved, paidIn := money.Minor(0), money.Minor(0)
		for _, r := range rows {
			moved += r.Amount
			if r.Kind == statement.Payment {
				paidIn += r.Amount
			}
		}
		x := Difference{Key: d.From.Format(time.DateOnly) + " " + a.name, Currency: a.currency, Note: cut(a.name), At: d.From}
		if said := a.paidIn(); said > paidIn {
			x.Kind, x.Stated, x.Paid = Sums, said, paidIn
			found = append(found, x)
		}
		if !slices.ContainsFunc(a.pages, func(p PageDay) bool { return p.Balanced }) {
			if !slices.ContainsFunc(rows, func(r Row) bool { return r.Balanced }) {
				unknown = append(unknown, NoBalances)
			}
			continue
		}
		opening, closing, known := a.balances(rows)
		if x.Paid, x.Stated = moved, closing-opening; !known || x.Stated != moved {
			x.Kind = Balance
			if !known {
				x.Stated = 0
			}
			found = append(found, x)
		}
		before, has := a.last(d.Before)
		switch {
		case !has:
			unknown = append(unknown, FirstStatement)
		case known && before != opening:
			x.Kind, x.Key, x.Stated, x.Paid = Gap, "opening "+x.Key, opening, before
			found = append(found, x)
		}
	}
	if len(all) == 0 && !slices.ContainsFunc(d.Rows, func(r Row) bool { return r.Balanced }) {
		unknown = append(unknown, NoBalances)
	}
	slices.Sort(unknown)
	return found, slices.Compact(unknown)
}

// paidIn returns the largest sum of payments that one file has for the day. All its payments must count.
func (a account) paidIn() (most money.Minor) {
	byFile := map[id.ID]money.Minor{}
	for _, p := range a.pages {
		byFile[p.File] += p.PaidIn
		most = max(most, byFile[p.File])
	}
	return most
}

// rows returns the rows of the account. Rows of earlier versions name no account, and are those of the only one.
func (a account) rows(rows []Row, only bool) (out []Row) {
	for _, r := range rows {
		if r.Currency == a.currency && (only && r.Account == "" || r.Account != "" && sameAccount(a.name, r.Account)) || a.name == "" && r.Currency == a.currency && only {
			out = append(out, r)
		}
	}
	return out
}

// unknownText is what could not be compared, as one text.
func unknownText(d Day) string {
	_, unknown := compareBalances(d)
	return strings.Join(unknown, ",")
}
